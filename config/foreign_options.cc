// The options that people bring along from uvicorn, gunicorn and granian.
#include "config/foreign_options.h"

#include <algorithm>
#include <ranges>
#include <string>

namespace tricorn {
namespace {

using Shape = ForeignOption::Shape;

constexpr ForeignOption kForeign[] = {
    // uvicorn: tuning hints
    {.names = "--loop",
     .harmless = "auto|tricorn",
     .remark = "tricorn has its own event loop",
     .hint = true},
    {.names = "--http",
     .harmless = "auto",
     .remark = "tricorn has its own HTTP parser",
     .hint = true},
    {.names = "--reset-contextvars",
     .shape = Shape::kFlag,
     .remark = "every request has a context of its own",
     .hint = true},
    // uvicorn: features
    {.names = "--log-config", .remark = "use --log-level and --log-format"},
    {.names = "--ssl-keyfile"},
    {.names = "--ssl-certfile"},
    {.names = "--ssl-keyfile-password"},
    {.names = "--ssl-version"},
    {.names = "--ssl-cert-reqs"},
    {.names = "--ssl-ca-certs"},
    {.names = "--ssl-ciphers"},
    {.names = "--http2", .shape = Shape::kFlag, .harmless = "false"},
    // gunicorn
    {.names = "-k,--worker-class", .remark = "tricorn has one kind of worker", .hint = true},
    {.names = "-t,--timeout", .remark = "use --timeout-worker-healthcheck"},
    {.names = "--pythonpath", .remark = "use --app-dir or PYTHONPATH"},
    {.names = "-e,--env", .remark = "use --env-file"},
    {.names = "--initgroups",
     .shape = Shape::kFlag,
     .harmless = "true",
     .remark = "--user always brings its groups along"},
    {.names = "-D,--daemon",
     .shape = Shape::kFlag,
     .harmless = "false",
     .remark = "use a service manager"},
    {.names = "-n,--name"},
    {.names = "--certfile"},
    {.names = "--keyfile"},
    {.names = "--log-syslog",
     .shape = Shape::kFlag,
     .harmless = "false",
     .remark = "use --access-logfile syslog"},
    {.names = "--log-syslog-to", .remark = "use --access-logfile syslog:udp:HOST:PORT"},
    {.names = "--error-logfile,--log-file", .remark = "redirect standard error"},
    {.names = "--worker-connections", .remark = "use --limit-concurrency"},
    {.names = "--limit-request-line", .remark = "use --limit-target-bytes"},
    {.names = "--limit-request-fields", .remark = "use --limit-headers"},
    // granian
    {.names = "--runtime-threads", .remark = "a worker is one thread", .hint = true},
    {.names = "--runtime-mode", .remark = "a worker is one thread", .hint = true},
    {.names = "--access-log-fmt", .remark = "use --access-log-format"},
    {.names = "--backpressure", .remark = "use --limit-concurrency"},
    {.names = "--workers-kill-timeout", .remark = "use --timeout-graceful-shutdown"},
    {.names = "--respawn-failed-workers",
     .shape = Shape::kSwitch,
     .harmless = "true",
     .remark = "tricorn replaces them, unless told --exit-on-worker-crash"},
    {.names = "--url-path-prefix", .remark = "use --root-path"},
};

bool is_one_of(std::string_view word, std::string_view words, char separator) {
  return std::ranges::any_of(words | std::views::split(separator),
                             [&](auto part) { return std::string_view(part) == word; });
}

}  // namespace

std::string_view ForeignOption::name() const {
  std::string_view from_long = names.substr(names.find("--") + 2);
  return from_long.substr(0, from_long.find(','));
}

bool ForeignOption::is_harmless(std::string_view value) const {
  return !harmless.empty() && is_one_of(value, harmless, '|');
}

std::span<const ForeignOption> foreign_options() { return kForeign; }

const ForeignOption* find_foreign_option(std::string_view name) {
  std::string wanted = "--" + std::string(name);
  std::ranges::replace(wanted, '_', '-');
  auto found = std::ranges::find_if(
      kForeign, [&](const ForeignOption& option) { return is_one_of(wanted, option.names, ','); });
  return found == std::end(kForeign) ? nullptr : found;
}

}  // namespace tricorn
