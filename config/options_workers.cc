// Options of group "Workers": how many, how long they live.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "config/option_values.h"
#include "config/workers_auto.h"

namespace tricorn {
namespace {

// A reload has old and new workers alive at once, and each needs a block of the scoreboard.
constexpr uint64_t kMostWorkers = 512;
constexpr uint64_t kMostThreads = 4096;
constexpr uint64_t kMostSurge = 64;
constexpr uint64_t kMostRssMib = uint64_t{1} << 30;
constexpr uint64_t kDayMs = 86'400'000;

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

// granian's unit, and ours where one is written.
OptionValue max_rss_value() {
  constexpr uint64_t kMib = uint64_t{1} << 20;
  auto set = [](Options& options, const std::string& text) -> Result<> {
    const bool bare = parse_count(text).has_value();
    auto bytes = parse_bytes(bare ? text + "M" : text);
    if (!bytes || *bytes > kMostRssMib * kMib) {
      return fail(fmt::format("'{}' is not a number of MiB from 0 to {}", text, kMostRssMib));
    }
    options.worker_max_rss_bytes = *bytes;
    return {};
  };
  return {.metavar = "MIB", .set = set, .show = [](const Options&) { return "no limit"; }};
}

// A shorter one would be missed between two beats of a healthy loop.
OptionValue healthcheck_value() {
  constexpr uint64_t kLeastMs = 1'000;
  OptionValue value = seconds_value([](auto& o) -> auto& { return o.worker.heartbeat_limit_ms; },
                                    {.most = kDayMs, .zero = "no limit"});
  value.set = [set = value.set](Options& options, const std::string& text) -> Result<> {
    auto done = set(options, text);
    if (!done) return done;
    const uint32_t limit_ms = options.worker.heartbeat_limit_ms;
    if (limit_ms == 0 || limit_ms >= kLeastMs) return done;
    return fail(fmt::format("'{}' is neither 0 nor a number of seconds from 1 on", text));
  };
  return value;
}

std::vector<OptionSpec> numbers() {
  return {
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
  };
}

// Why a worker that serves is replaced, and how many at once.
std::vector<OptionSpec> replacement() {
  constexpr uint64_t kMostRequests = uint64_t{1} << 53;
  return {
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
      {.name = "workers-lifetime",
       .value = seconds_value([](auto& o) -> auto& { return o.worker_lifetime_ms; },
                              {.most = 365 * kDayMs, .zero = "no end"}),
       .help = "Replace a worker after this time, a tenth more or less at random; no request is "
               "lost."},
      {.name = "workers-max-rss",
       .value = max_rss_value(),
       .help = "Replace a worker that holds more memory than this; K, M or G may follow."},
      {.name = "rss-sample-interval",
       .value = seconds_value([](auto& o) -> auto& { return o.rss_sample_interval_ms; },
                              {.least = 1'000, .most = 300'000}),
       .help = "How often --workers-max-rss looks."},
      {.name = "rss-samples",
       .value = count_value("N", [](auto& o) -> auto& { return o.rss_samples; },
                            {.least = 1, .most = 1000}),
       .help = "Looks in a row that have to find too much, before --workers-max-rss acts."},
      {.name = "exit-on-worker-crash",
       .value = flag_value([](auto& o) -> auto& { return o.exit_on_worker_crash; }),
       .help = "Stop the server when a worker crashes, with its exit code, in place of replacing "
               "it."},
      {.name = "max-surge",
       .value = count_value("N", [](auto& o) -> auto& { return o.max_surge; },
                            {.least = 1, .most = kMostSurge}),
       .help = "Workers that may be in replacement at once, in reloads and after that."},
  };
}

OptionValue readiness_path_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    if (!text.empty() && (text.front() != '/' || text.find_first_of("?# ") != text.npos)) {
      return fail(
          fmt::format("'{}' is no path: it begins with '/' and has no '?', '#' or blank", text));
    }
    options.worker.readiness_path = text;
    return {};
  };
  return {.metavar = "PATH", .set = set};
}

std::vector<OptionSpec> times() {
  return {
      {.name = "timeout-boot",
       .value = seconds_value([](auto& o) -> auto& { return o.boot_timeout_ms; },
                              {.least = 1'000, .most = kDayMs}),
       .help = "Time for a worker to import the app and finish its start-up."},
      {.name = "timeout-worker-healthcheck",
       .value = healthcheck_value(),
       .help = "A worker whose event loop does not turn for this long is aborted and replaced; its "
               "stacks are logged before that."},
      {.name = "timeout-graceful-shutdown",
       .aliases = {"--graceful-timeout"},
       .value =
           seconds_value([](auto& o) -> auto& { return o.drain_timeout_ms; }, {.most = kDayMs}),
       .help = "Time for requests in progress at a stop, a reload or a replacement."},
      {.name = "shutdown-delay",
       .value = seconds_value([](auto& o) -> auto& { return o.shutdown_delay_ms; },
                              {.most = kDayMs, .zero = "none"}),
       .help = "Serve on for this long after TERM or INT, while a load balancer learns of it."},
      {.name = "readiness-path",
       .value = readiness_path_value(),
       .help = "Path that the server answers itself: 200, or 503 once it is asked to stop."},
      {.name = "upgrade-undo-window",
       .value = seconds_value([](auto& o) -> auto& { return o.upgrade_undo_window_ms; },
                              {.most = kDayMs, .zero = "none"}),
       .help = "The old master stays for this long after an upgrade (USR2), for HUP to undo it."},
  };
}

}  // namespace

OptionGroup worker_options() {
  OptionGroup group{"Workers", numbers()};
  for (auto options : {replacement(), times()}) {
    std::ranges::move(options, std::back_inserter(group.options));
  }
  return group;
}

}  // namespace tricorn
