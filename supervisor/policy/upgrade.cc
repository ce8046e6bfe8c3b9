// The old master's side of a hand-over: each event, by the state that it meets.
#include "supervisor/policy/upgrade.h"

#include <fmt/format.h>

#include <csignal>
#include <utility>

namespace tricorn {
namespace {

using State = Upgrade::State;

void log(std::vector<UpgradeEffect>& effects, LogLevel level, std::string text) {
  effects.emplace_back(UpgradeLog{level, std::move(text)});
}

const char* why_busy(State state) {
  switch (state) {
    case State::kStarting:
      return "an upgrade is under way";
    case State::kDismissing:
      return "the new master of the last upgrade has not ended yet";
    default:
      return "a new master is in charge already";
  }
}

std::string in_seconds(Duration duration) {
  return fmt::format("{:g} s", std::chrono::duration<double>(duration).count());
}

}  // namespace

std::string describe_failed_start(const ExitStatus& status) {
  std::string what = describe_end(status);
  if (status.signal != 0) return what;
  switch (status.code) {
    case kExitOk:
      return what + " before it was ready";
    case kExitFailure:
      return what + ": it could not listen, or not run";
    case kExitUsage:
      return what + ": its options are wrong";
    case kExitAppStart:
      return what + ": the app did not start";
    case kExitAppImport:
      return what + ": the app could not be imported";
    default:
      return what;
  }
}

std::vector<UpgradeEffect> Upgrade::on(TimePoint now, const UpgradeEvent& event) {
  now_ = now;
  Effects effects;
  std::visit([&](const auto& happened) { handle(effects, happened); }, event);
  return effects;
}

bool Upgrade::successor_serves() const {
  return state_ == State::kHandedOver || state_ == State::kTakingBack ||
         state_ == State::kReturning || state_ == State::kLeaving;
}

void Upgrade::go(State state, std::optional<Duration> limit) {
  state_ = state;
  deadline_.reset();
  if (limit) deadline_ = now_ + *limit;
}

void Upgrade::handle(Effects& effects, const UpgradeAsked& event) {
  const std::string refusal = state_ == State::kNone ? event.refusal : why_busy(state_);
  if (!refusal.empty()) {
    return log(effects, LogLevel::kWarning, "SIGUSR2 ignored: " + refusal);
  }
  go(State::kStarting, limits_.start);
  effects.emplace_back(LaunchSuccessor{});
}

void Upgrade::handle(Effects& effects, const UndoAsked&) {
  switch (state_) {
    case State::kNone:
    case State::kDismissing:
      effects.emplace_back(ReloadOwn{});
      return;
    case State::kStarting:
      log(effects, LogLevel::kInfo, "upgrade called off");
      return dismiss(effects);
    case State::kHandedOver:
      log(effects, LogLevel::kInfo,
          "undoing the upgrade: the old master's workers come back first");
      effects.emplace_back(BringBackOwnWorkers{});
      return go(State::kTakingBack, limits_.start);
    case State::kTakingBack:
    case State::kReturning:
    case State::kLeaving:
      return;
  }
}

void Upgrade::handle(Effects& effects, const SuccessorNotStarted& event) {
  if (state_ != State::kStarting) return;
  log(effects, LogLevel::kError, "upgrade failed: " + event.reason + "; the old master serves on");
  go(State::kNone, {});
}

void Upgrade::handle(Effects& effects, const SuccessorReady&) {
  if (state_ != State::kStarting) return;
  effects.emplace_back(HandOverCharge{});
  effects.emplace_back(RetireOwnWorkers{});
  log(effects, LogLevel::kInfo,
      "upgraded; HUP to the old master undoes it, within " + in_seconds(limits_.undo_window));
  go(State::kHandedOver, limits_.undo_window);
}

// Whoever stops the master in charge stops the service, in the midst of an undo, too.
void Upgrade::handle(Effects& effects, const SuccessorStopping& event) {
  if (!successor_serves()) return;
  const bool leaving = state_ == State::kLeaving;  // both were asked to stop
  if (!leaving) log(effects, LogLevel::kInfo, "the new master stops: the old one stops, too");
  effects.emplace_back(TakeChargeBack{});
  joint_stop_ = true;
  go(State::kDismissing, event.limit.value_or(limits_.dismissal));
  if (!leaving) effects.emplace_back(StopService{});
}

// Unasked: it was told to stop before the charge came.
void Upgrade::handle(Effects& effects, const SuccessorGaveBack& event) {
  if (!successor_serves()) return;
  effects.emplace_back(TakeChargeBack{});
  if (state_ == State::kHandedOver) {
    log(effects, LogLevel::kError, "upgrade failed: the new master stops; the old one serves on");
    effects.emplace_back(BringBackOwnWorkers{});
  }
  go(State::kDismissing, event.limit.value_or(limits_.dismissal));
}

void Upgrade::handle(Effects& effects, const SuccessorExited& event) {
  const std::string what = describe_end(event.status);
  switch (state_) {
    case State::kNone:
    case State::kLeaving:
      return;
    case State::kStarting:
      log(effects, LogLevel::kError,
          fmt::format("upgrade failed: the new master {}; the old one serves on",
                      describe_failed_start(event.status)));
      return go(State::kNone, {});
    case State::kHandedOver:
      log(effects, LogLevel::kError, "the new master " + what + "; the old one takes over again");
      effects.emplace_back(TakeChargeBack{});
      effects.emplace_back(BringBackOwnWorkers{});
      return go(State::kNone, {});
    case State::kTakingBack:
    case State::kReturning:
      log(effects, LogLevel::kError, "the new master " + what + " before it gave back the charge");
      effects.emplace_back(TakeChargeBack{});
      return go(State::kNone, {});
    case State::kDismissing:
      if (joint_stop_) exit_code_ = shell_code(event.status);
      log(effects, LogLevel::kInfo, "the new master " + what);
      return go(State::kNone, {});
  }
}

void Upgrade::handle(Effects& effects, const OwnWorkersReady&) {
  if (state_ != State::kTakingBack) return;
  effects.emplace_back(AskChargeBack{});
  go(State::kReturning, limits_.answer);
}

void Upgrade::handle(Effects& effects, const OwnStopBegan& event) {
  const bool repeated = event.signal != 0 && std::exchange(stop_asked_, true);
  switch (state_) {
    case State::kNone:
    case State::kLeaving:
      return;
    case State::kStarting:
      stop_successor(effects, event.signal, repeated);
      return go(State::kDismissing, limits_.dismissal);
    case State::kHandedOver:
    case State::kTakingBack:  // it has not been asked for anything yet
      return go(State::kLeaving, {});
    case State::kReturning:
      effects.emplace_back(TakeChargeBack{});
      stop_successor(effects, event.signal, repeated);
      return go(State::kDismissing, limits_.dismissal);
    case State::kDismissing:
      return stop_successor(effects, event.signal, repeated);
  }
}

// Nobody serves when it has gone: it is not to wait for its clients. That is told in words, which
// may come twice: who signals a whole group has signalled it already, and a second TERM would cut
// its requests off. One that stops by itself need not be told.
void Upgrade::stop_successor(Effects& effects, int signal, bool repeated) {
  if (repeated || signal == SIGQUIT) {
    effects.emplace_back(SignalSuccessor{signal});
  } else if (!joint_stop_) {
    effects.emplace_back(DismissSuccessor{.service_stops = true});
  }
}

void Upgrade::handle(Effects& effects, const UpgradeTick&) {
  if (deadline_ && *deadline_ <= now_) expire(effects);
}

void Upgrade::expire(Effects& effects) {
  switch (state_) {
    case State::kStarting:
      log(effects, LogLevel::kError,
          fmt::format(
              "upgrade failed: the new master was not ready within {}; the old one serves on",
              in_seconds(limits_.start)));
      return dismiss(effects);
    case State::kHandedOver:
      log(effects, LogLevel::kInfo, "the upgrade is final: the old master leaves");
      effects.emplace_back(LeaveService{});
      return go(State::kLeaving, {});
    case State::kTakingBack:
      log(effects, LogLevel::kError,
          fmt::format("undo failed: the old master's workers were not ready within {}; the new one "
                      "serves on",
                      in_seconds(limits_.start)));
      effects.emplace_back(RetireOwnWorkers{});
      return go(State::kHandedOver, limits_.undo_window);
    case State::kReturning:
    case State::kDismissing:
      log(effects, LogLevel::kWarning, "the new master did not end in time: killed");
      effects.emplace_back(SignalSuccessor{SIGKILL});
      return go(state_, {});
    case State::kNone:
    case State::kLeaving:
      return go(state_, {});
  }
}

void Upgrade::dismiss(Effects& effects) {
  effects.emplace_back(DismissSuccessor{});
  go(State::kDismissing, limits_.dismissal);
}

}  // namespace tricorn
