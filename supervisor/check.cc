// One zygote, no policy: the first thing it says or does is the answer.
#include "supervisor/check.h"

#include <csignal>
#include <optional>
#include <utility>

#include "supervisor/os/signals.h"

namespace tricorn {
namespace {

constexpr Duration kAbortGrace = milliseconds(1'000);

class Check {
 public:
  Check(EventLoop& loop, Scoreboard& scoreboard, ZygoteLauncher launch)
      : loop_(loop),
        processes_(
            loop, scoreboard, std::move(launch),
            {.on_event = [this](const Event& event) { on_event(event); },
             .on_python = [this](Generation, const std::string& python) { python_ = python; }}),
        timeout_(loop, [this] { on_timeout(); }) {}

  // `preload`: a server would import the app in its zygote, too.
  int run(const ZygotePlan& plan, bool preload, Duration boot_timeout) {
    auto signals = SignalSource::create(loop_, [this](int signal) { on_signal(signal); });
    if (!signals) {
      log_error("{}", signals.error().message);
      return kExitFailure;
    }
    app_ = plan.settings.app;
    preload_ = preload;
    timeout_.arm(boot_timeout);
    processes_.start_zygote(1, plan, {});
    if (!processes_.empty()) loop_.run();
    return code_.value_or(kExitFailure);
  }

 private:
  void on_event(const Event& event) {
    if (std::holds_alternative<ZygoteReady>(event)) {
      answer(kExitOk, "ok: " + app_ + " loads on " + python_);
    } else if (const auto* threads = std::get_if<ZygoteHasThreads>(&event)) {
      if (preload_) {
        log_warning("--preload has no effect: importing the app starts threads ({})",
                    threads->names);
      }
      answer(kExitOk, "ok: " + app_ + " loads");
    } else if (const auto* failed = std::get_if<ZygoteFailed>(&event)) {
      answer(static_cast<int>(failed->failure.kind), failed->failure.text);
    } else if (const auto* exited = std::get_if<ZygoteExited>(&event)) {
      answer(kExitFailure,
             "the interpreter ended before the app was loaded: " + describe(exited->status));
      loop_.stop();
    }
  }

  // It may show where it hangs before it is killed.
  void on_timeout() {
    if (code_) return processes_.kill_all();
    code_ = kExitAppStart;
    log_line(LogLevel::kError, "the app was not loaded in time");
    processes_.stop_zygote(1, ZygoteStop::kAbort);
    timeout_.arm(kAbortGrace);
  }

  // Only the first answer counts; the zygote's end, which ends the loop, follows.
  void answer(int code, const std::string& text) {
    if (code_) return;
    code_ = code;
    log_line(code == kExitOk ? LogLevel::kInfo : LogLevel::kError, text);
    processes_.kill_all();
  }

  void on_signal(int signal) {
    if (signal == SIGCHLD) processes_.reap();
    if (signal == SIGTERM || signal == SIGINT || signal == SIGQUIT) {
      answer(kExitFailure, "check interrupted");
    }
  }

  EventLoop& loop_;
  ProcessTable processes_;
  Timer timeout_;
  std::string app_, python_;
  bool preload_ = false;
  std::optional<int> code_;
};

}  // namespace

int run_check(EventLoop& loop, Scoreboard& scoreboard, ZygotePlan plan, Duration boot_timeout,
              ZygoteLauncher launch) {
  const bool preload = std::exchange(plan.settings.preload, true);
  plan.settings.listeners.clear();
  return Check(loop, scoreboard, std::move(launch)).run(plan, preload, boot_timeout);
}

}  // namespace tricorn
