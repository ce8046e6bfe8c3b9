// Options of group "Limits and timeouts": what a client may send, and how long it may take.
#include "config/option_values.h"

namespace tricorn {

OptionGroup limit_options() {
  constexpr uint64_t kDayMs = 86'400'000;
  constexpr uint64_t kMostHeaderBytes = uint64_t{64} << 20;
  return {
      "Limits and timeouts",
      {
          {.name = "limit-concurrency",
           .value = count_value("N", [](auto& o) -> auto& { return o.worker.limit_concurrency; },
                                {.zero = "no limit"}),
           .help = "Requests in progress in one worker; more are answered with 503. Idle "
                   "connections do not count."},
          {.name = "limit-header-bytes",
           .aliases = {"--h11-max-incomplete-event-size"},
           .value = bytes_value([](auto& o) -> auto& { return o.worker.http.max_header_bytes; },
                                {.least = 256, .most = kMostHeaderBytes}),
           .help = "Request line and headers together; more are answered with 431."},
          {.name = "limit-target-bytes",
           .value = bytes_value([](auto& o) -> auto& { return o.worker.http.max_target_bytes; },
                                {.least = 16, .most = kMostHeaderBytes}),
           .help = "Path and query; more are answered with 414."},
          {.name = "limit-headers",
           .value = count_value("N", [](auto& o) -> auto& { return o.worker.http.max_headers; },
                                {.least = 1, .most = 65536}),
           .help = "Header fields of a request; more are answered with 431."},
          {.name = "limit-body-bytes",
           .value = bytes_value([](auto& o) -> auto& { return o.worker.http.max_body_bytes; },
                                {.most = uint64_t{1} << 53, .zero = "no limit"}),
           .help = "Body of a request; more is answered with 413. K, M and G (of 1024) may follow "
                   "any BYTES."},
          {.name = "timeout-keep-alive",
           .aliases = {"--keep-alive"},
           .value =
               seconds_value([](auto& o) -> auto& { return o.worker.http.keep_alive_timeout_ms; },
                             {.most = kDayMs}),
           .help = "How long an idle connection stays open; longer than that of a proxy in front, "
                   "else it "
                   "answers some requests with 502."},
          {.name = "timeout-header",
           .value = seconds_value([](auto& o) -> auto& { return o.worker.http.header_timeout_ms; },
                                  {.least = 100, .most = kDayMs}),
           .help = "Time for the first byte of a connection, and then for a whole head."},
          {.name = "timeout-request-body",
           .value = seconds_value([](auto& o) -> auto& { return o.worker.http.body_timeout_ms; },
                                  {.most = kDayMs, .zero = "no limit"}),
           .help = "Time between two pieces of a body that the app waits for; then 408."},
      }};
}

}  // namespace tricorn
