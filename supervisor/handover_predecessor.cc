// Handover's effects in an old master.
#include <unistd.h>

#include <utility>

#include "supervisor/handover.h"
#include "supervisor/os/handover_words.h"

namespace tricorn {
namespace {

std::optional<Duration> limit_in(const HandoverMessage& message) {
  const auto limit_ms = message.number_of(words::kLimitMs);
  return limit_ms ? std::optional<Duration>(milliseconds(*limit_ms)) : std::nullopt;
}

}  // namespace

void Handover::perform(const LaunchSuccessor&) {
  auto launched = launch();
  if (launched) return;
  link_.reset();
  happened(SuccessorNotStarted{launched.error().message});
}

// The offer waits in the socket before the process is there.
Result<> Handover::launch() {
  auto pair = make_control_pair();
  if (!pair) return pass_on(pair);
  auto& [own_end, successor_end] = *pair;
  const PidFile& pid_file = parts_.pid_file;
  auto offer = to_message({.sockets = service_.sockets.offers(),
                           .activated = service_.sockets.activated(),
                           .pid_file = pid_file.in_place() ? pid_file.fd() : -1,
                           .pid_path = pid_file.path(),
                           .control_path = service_.control_path});
  if (!offer) return pass_on(offer);
  link_.emplace(std::move(own_end));
  if (auto sent = link_->send(*offer); !sent) return sent;
  auto pid = parts_.launch(successor_end.get());
  if (!pid) return pass_on(pid);
  log_info("upgrading: the new master is pid {}", *pid);
  successor_.set(*pid);
  link_->start(loop_,
               {.on_message = [this](const HandoverMessage& message) { hear_successor(message); },
                .on_closed = [] {}});  // its exit follows
  return {};
}

void Handover::hear_successor(const HandoverMessage& message) {
  if (message.word == words::kReady) {
    inherited_ = {.word = message.word, .fields = message.fields, .fds = {}};
    happened(SuccessorReady{});
  } else if (message.word == words::kReturned) {
    happened(SuccessorGaveBack{limit_in(message)});
    service_.steer(true);
  } else if (message.word == words::kStopping) {
    happened(SuccessorStopping{limit_in(message)});
  }
}

void Handover::perform(const HandOverCharge&) {
  service_.sockets.set_files_ours(inherited_.values_of(words::kSocket), false);
  if (!inherited_.values_of(words::kPidFile).empty()) {
    auto file = PidFile::create(parts_.pid_file.path() + ".oldbin");
    if (!file) log_warning("{}", file.error().message);
    if (file) old_pid_file_.emplace(std::move(*file));
    parts_.pid_file.yield();
  }
  service_.status.hand_over(successor_.pid());
  service_.steer(false);
  say({.word = words::kTakeOver, .fields = {}, .fds = {}});
}

void Handover::perform(const TakeChargeBack&) {
  service_.sockets.set_files_ours(inherited_.values_of(words::kSocket), true);
  if (auto claimed = parts_.pid_file.claim(); !claimed) log_error("{}", claimed.error().message);
  old_pid_file_.reset();
  service_.status.take_charge();
  log_info("the old master (pid {}) is in charge again", ::getpid());
  service_.feed(Tick{});  // the status follows
}

void Handover::perform(const RetireOwnWorkers&) { service_.feed(RetireAllRequested{}); }

void Handover::perform(const BringBackOwnWorkers&) { service_.feed(BringBackRequested{}); }

void Handover::perform(const AskChargeBack&) {
  say({.word = words::kReturn, .fields = {}, .fds = {}});
}

void Handover::perform(const DismissSuccessor& effect) {
  HandoverMessage dismissal{.word = words::kDismiss, .fields = {}, .fds = {}};
  if (effect.service_stops) dismissal.fields.emplace_back(words::kServiceStops, "");
  say(std::move(dismissal));
}

void Handover::perform(const SignalSuccessor& effect) { successor_.signal(effect.signal); }

void Handover::perform(const LeaveService&) { service_.feed(StopRequested{.replaced = true}); }

// The new master has had the shutdown delay.
void Handover::perform(const StopService&) { service_.feed(StopRequested{.at_once = true}); }

void Handover::perform(const ReloadOwn&) { service_.reload(); }

void Handover::perform(const UpgradeLog& effect) { log_line(effect.level, effect.text); }

}  // namespace tricorn
