// What the operator's signals mean.
#include <csignal>
#include <utility>

#include "supervisor/runner.h"

namespace tricorn {

void Runner::on_signal(int signal) {
  switch (signal) {
    case SIGCHLD:
      processes_.reap();
      return exit_if_possible();
    case SIGTERM:
    case SIGINT:
      return stop({.fast = false, .signal = signal});
    case SIGQUIT:
      return stop({.fast = true, .signal = signal});
    case SIGHUP:
      return handover_.hang_up();
    case SIGUSR1:
      return reopen_logs();
    case SIGUSR2:
      return handover_.upgrade_asked(policy_);
    case SIGTTIN:
      return feed(ScaleRequested{.delta = +1});
    case SIGTTOU:
      return feed(ScaleRequested{.delta = -1});
    case SIGWINCH:
      return feed(RetireAllRequested{});
  }
}

void Runner::stop(const StopRequested& request) {
  handover_.stop_asked(request.signal);
  feed(StopRequested{.fast = request.fast,
                     .signal = request.signal,
                     .replaced = handover_.successor_serves(),
                     .at_once = handover_.candidate()});
}

// Everything that can fail without touching a worker comes first.
Result<> Runner::reload() {
  if (policy_.stopping()) return fail("the server is stopping");
  if (handover_.successor_serves()) {
    const char* why = "another master is in charge";
    log_warning("not reloaded: {}", why);
    return fail(why);
  }
  status_.reload_begins();
  auto reloaded = parts_.reread_config();
  if (!reloaded) {
    log_error("not reloaded, the workers serve on: {}", reloaded.error().message);
    status_.reload_fails(reloaded.error().message);
    status_.update(policy_);
    desk_.on_reload_refused(reloaded.error().message);
    return pass_on(reloaded);
  }
  for (const auto& warning : reloaded->warnings) log_warning("{}", warning);
  parts_.plan = std::move(reloaded->plan);
  const auto& settings = parts_.plan.settings;
  start_logging(settings.log_level, settings.use_colors, settings.log_format);
  log_info("reloading");
  feed(ReloadRequested{});
  scale_to(reloaded->workers);
  return {};
}

void Runner::reopen_logs() {
  log_info("workers reopen their logs");
  processes_.send_to_workers({.type = ControlType::kReopenLogs});
}

// Relative to what the configuration said before: what TTIN and TTOU added stays.
void Runner::scale_to(uint32_t workers) {
  auto before = std::exchange(parts_.policy.workers, workers);
  int delta = static_cast<int>(workers) - static_cast<int>(before);
  if (delta != 0) feed(ScaleRequested{.delta = delta});
}

}  // namespace tricorn
