// What the operator's signals mean.
#include <csignal>
#include <utility>

#include "supervisor/runner.h"

namespace tricorn {

void Runner::on_signal(int signal) {
  switch (signal) {
    case SIGCHLD:
      return processes_.reap();
    case SIGTERM:
    case SIGINT:
      return feed(StopRequested{.fast = false, .signal = signal});
    case SIGQUIT:
      return feed(StopRequested{.fast = true, .signal = signal});
    case SIGHUP:
      return reload();
    case SIGUSR1:
      log_info("workers reopen their logs");
      return processes_.send_to_workers({.type = ControlType::kReopenLogs});
    case SIGUSR2:
      return log_warning("SIGUSR2 ignored: there is no binary upgrade; SIGHUP reloads the app");
    case SIGTTIN:
      return feed(ScaleRequested{.delta = +1});
    case SIGTTOU:
      return feed(ScaleRequested{.delta = -1});
    case SIGWINCH:
      return feed(RetireAllRequested{});
  }
}

// Everything that can fail without touching a worker comes first.
void Runner::reload() {
  if (policy_.stopping()) return;
  status_.reload_begins();
  auto reloaded = parts_.reread_config();
  if (!reloaded) {
    log_error("not reloaded, the workers serve on: {}", reloaded.error().message);
    return status_.update(policy_);
  }
  for (const auto& warning : reloaded->warnings) log_warning("{}", warning);
  parts_.plan = std::move(reloaded->plan);
  const auto& settings = parts_.plan.settings;
  start_logging(settings.log_level, settings.use_colors, settings.log_format);
  log_info("reloading");
  feed(ReloadRequested{});
  scale_to(reloaded->workers);
}

// Relative to what the configuration said before: what TTIN and TTOU added stays.
void Runner::scale_to(uint32_t workers) {
  auto before = std::exchange(parts_.policy.workers, workers);
  int delta = static_cast<int>(workers) - static_cast<int>(before);
  if (delta != 0) feed(ScaleRequested{.delta = delta});
}

}  // namespace tricorn
