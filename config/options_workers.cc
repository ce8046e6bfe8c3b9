// Options of group "Workers": how many, how long they live.
#include "config/option_values.h"
#include "config/workers_auto.h"

namespace tricorn {
namespace {

// A reload has old and new workers alive at once, and each needs a block of the scoreboard.
constexpr uint64_t kMostWorkers = 512;
constexpr uint64_t kMostThreads = 4096;

OptionValue workers_value() {
  auto field = [](auto& o) -> auto& { return o.workers; };
  OptionValue number = count_value("N|auto", field, {.least = 1, .most = kMostWorkers});
  auto set = [set_number = number.set](Options& options, const std::string& text) -> Result<> {
    if (text == "auto") {
      options.workers = static_cast<uint32_t>(std::min<uint64_t>(workers_auto(), kMostWorkers));
      return {};
    }
    auto done = set_number(options, text);
    if (!done) return fail(done.error().message + ", nor auto");
    return {};
  };
  number.set = set;
  return number;
}

}  // namespace

OptionGroup worker_options() {
  constexpr uint64_t kMostRequests = uint64_t{1} << 53;
  return {
      "Workers",
      {
          {.name = "workers",
           .aliases = {"-w"},
           .value = workers_value(),
           .help = "Worker processes; auto: as many as the cgroup's CPU quota and the CPU affinity "
                   "allow.",
           .variable = "WEB_CONCURRENCY"},
          {.name = "threads",
           .aliases = {"--blocking-threads"},
           .value = count_value("N", [](auto& o) -> auto& { return o.worker.threads; },
                                {.least = 1, .most = kMostThreads}),
           .help = "Threads of a worker that run a WSGI app; more requests wait their turn."},
          {.name = "limit-max-requests",
           .aliases = {"--max-requests"},
           .value = count_value("N", [](auto& o) -> auto& { return o.worker.limit_max_requests; },
                                {.most = kMostRequests, .zero = "never"}),
           .help = "Replace a worker after this many requests; none is lost."},
          {.name = "limit-max-requests-jitter",
           .aliases = {"--max-requests-jitter"},
           .value =
               count_value("N", [](auto& o) -> auto& { return o.worker.limit_max_requests_jitter; },
                           {.most = kMostRequests}),
           .help = "Up to this many more, at random, so that workers are not replaced together."},
          {.name = "timeout-boot",
           .value = seconds_value([](auto& o) -> auto& { return o.boot_timeout_ms; },
                                  {.least = 1'000, .most = 86'400'000}),
           .help = "Time for a worker to import the app and finish its start-up."},
          {.name = "timeout-graceful-shutdown",
           .aliases = {"--graceful-timeout"},
           .value = seconds_value([](auto& o) -> auto& { return o.drain_timeout_ms; },
                                  {.most = 86'400'000}),
           .help = "Time for requests in progress at a stop, a reload or a replacement."},
      }};
}

}  // namespace tricorn
