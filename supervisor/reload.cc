// What a reload can change goes into the new zygote's plan; the rest is warned about.
#include "supervisor/reload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tricorn {
namespace {

std::string addresses_of(const Options& options) {
  std::vector<std::string> addresses;
  for (const BindSpec& bind : options.binds) addresses.push_back(to_string(bind));
  return fmt::format("{}", fmt::join(addresses, ", "));
}

std::vector<std::string> settings_for_a_restart(const Options& before, const Options& after) {
  std::vector<std::string> changed;
  auto note = [&](const std::string& name, bool differs) {
    if (differs) {
      changed.push_back(
          fmt::format("{} has changed: that takes an upgrade (SIGUSR2) or a restart", name));
    }
  };
  note("the set of addresses (now " + addresses_of(after) + ")", before.binds != after.binds);
  note("backlog", before.backlog != after.backlog);
  note("reuse-port", before.reuse_port != after.reuse_port);
  note("uds-permissions", before.uds_permissions != after.uds_permissions);
  note("boot timeout", before.boot_timeout_ms != after.boot_timeout_ms);
  note("drain timeout", before.drain_timeout_ms != after.drain_timeout_ms);
  note("shutdown-delay", before.shutdown_delay_ms != after.shutdown_delay_ms);
  note("upgrade-undo-window", before.upgrade_undo_window_ms != after.upgrade_undo_window_ms);
  note("max-surge", before.max_surge != after.max_surge);
  note("workers-lifetime", before.worker_lifetime_ms != after.worker_lifetime_ms);
  note("workers-max-rss", before.worker_max_rss_bytes != after.worker_max_rss_bytes);
  note("rss-sample-interval", before.rss_sample_interval_ms != after.rss_sample_interval_ms);
  note("rss-samples", before.rss_samples != after.rss_samples);
  note("reload", before.reload != after.reload);
  note("timeout-worker-healthcheck",
       before.worker.heartbeat_limit_ms != after.worker.heartbeat_limit_ms);
  note("exit-on-worker-crash", before.exit_on_worker_crash != after.exit_on_worker_crash);
  note("preload", before.worker.preload != after.worker.preload);
  note("user", before.user != after.user);
  note("group", before.group != after.group);
  note("umask", before.umask != after.umask);
  note("pid-file", before.pid_file != after.pid_file);
  note("control-socket", before.control_socket != after.control_socket);
  return changed;
}

}  // namespace

Result<Reloaded> reread_config(const std::vector<std::string>& argv, const Environment& environment,
                               const Options& started_with,
                               const std::vector<ListenerSettings>& listeners) {
  std::vector<const char*> arguments;
  for (const auto& argument : argv) arguments.push_back(argument.c_str());
  auto parsed =
      parse_command_line(static_cast<int>(arguments.size()), arguments.data(), environment);
  if (!parsed) return pass_on(parsed);
  Options options = parsed->options;
  options.identity = started_with.identity;  // the sockets are theirs
  auto plan = plan_zygote(options, environment, listeners);
  if (!plan) return pass_on(plan);
  plan->settings.preload = started_with.worker.preload;  // the policy's supervision rests on it
  // As the master's.
  plan->settings.heartbeat_limit_ms = started_with.worker.heartbeat_limit_ms;
  plan->settings.drain_timeout_ms = started_with.worker.drain_timeout_ms;
  Reloaded reloaded{.plan = std::move(*plan),
                    .workers = parsed->options.workers,
                    .warnings = std::move(parsed->warnings)};
  for (auto& warning : settings_for_a_restart(started_with, parsed->options)) {
    reloaded.warnings.push_back(std::move(warning));
  }
  return reloaded;
}

}  // namespace tricorn
