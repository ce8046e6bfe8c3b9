// Events in, effects out, and the old master's effects.
#include "supervisor/handover.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "supervisor/os/handover_words.h"

namespace tricorn {

Handover::Handover(EventLoop& loop, Parts parts, Service service, Duration canary_window)
    : loop_(loop),
      parts_(std::move(parts)),
      service_(std::move(service)),
      upgrade_(parts_.limits),
      succession_(parts_.inheritance.present(), canary_window),
      predecessor_(parts_.inheritance.predecessor()),
      deadline_(loop, [this] {
        happened(UpgradeTick{});
        happened(SuccessionTick{});
      }) {
  if (!parts_.inheritance.present()) return;
  service_.status.stay_silent();
  link_.emplace(parts_.inheritance.take_link());
  link_->start(loop_,
               {.on_message = [this](const HandoverMessage& message) { hear_predecessor(message); },
                .on_closed = [this] { happened(PredecessorGone{}); }});
}

// An effect may cause an event at once; it waits until the effects before it are done.
void Handover::happened(std::variant<UpgradeEvent, SuccessionEvent> event) {
  inbox_.push_back(std::move(event));
  if (std::exchange(dispatching_, true)) return;
  auto perform_all = [this](const auto& effects) {
    for (const auto& effect : effects) {
      std::visit([this](const auto& decided) { this->perform(decided); }, effect);
    }
  };
  while (!inbox_.empty()) {
    auto next = std::move(inbox_.front());
    inbox_.pop_front();
    if (const auto* upgrade = std::get_if<UpgradeEvent>(&next)) {
      perform_all(upgrade_.on(monotonic_now(), *upgrade));
    } else {
      perform_all(succession_.on(monotonic_now(), std::get<SuccessionEvent>(next)));
    }
  }
  dispatching_ = false;
  rearm_timer();
}

void Handover::rearm_timer() {
  auto due = upgrade_.next_deadline();
  if (auto other = succession_.next_deadline(); other && (!due || *other < *due)) due = other;
  if (due) {
    deadline_.arm(*due - monotonic_now());
  } else {
    deadline_.disarm();
  }
}

std::string Handover::refusal(const Policy& policy) const {
  if (::getpid() == 1) return "this is process 1, whose end is the container's";
  if (policy.stopping()) return "this master is stopping";
  if (!served_once_) return "the workers have not been ready yet";
  if (succession_.state() != Succession::State::kAlone) {
    return fmt::format("the old master of the last upgrade (pid {}) is there still: TERM ends it",
                       predecessor_);
  }
  return "";
}

void Handover::upgrade_asked(const Policy& policy) { happened(UpgradeAsked{refusal(policy)}); }

void Handover::hang_up() { happened(UndoAsked{}); }

void Handover::stop_asked(int signal) {
  happened(OwnStopBegan{.signal = signal, .repeated = std::exchange(stop_told_, true)});
  happened(SuccessionStopBegan{});
}

void Handover::update(const Policy& policy) {
  if (policy.stopping() && !stop_told_) stop_asked(0);
  bool all_ready = policy.all_ready();
  served_once_ = served_once_ || all_ready;
  if (upgrade_.state() == Upgrade::State::kTakingBack && all_ready) happened(OwnWorkersReady{});
  if (succession_.state() == Succession::State::kCandidate) happened(ReadinessSeen{all_ready});
}

bool Handover::claims(const ReapedChild& child) {
  if (successor_.pid() == 0 || child.pid != successor_.pid()) return false;
  if (link_) link_->deliver_arrived();  // its last words
  link_.reset();
  successor_ = {};
  happened(SuccessorExited{{.code = child.code, .signal = child.signal}});
  if (!successor_serves()) service_.steer(true);
  return true;
}

void Handover::say(HandoverMessage message) {
  if (!link_) return;
  if (auto said = link_->send(message); !said) log_debug("{}", said.error().message);
}

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
                           .pid_path = pid_file.path()});
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
    happened(SuccessorGaveBack{});
    service_.steer(true);
  } else if (message.word == words::kStopping) {
    happened(SuccessorStopping{});
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

void Handover::perform(const DismissSuccessor&) {
  say({.word = words::kDismiss, .fields = {}, .fds = {}});
}

void Handover::perform(const SignalSuccessor& effect) { successor_.signal(effect.signal); }

void Handover::perform(const LeaveService&) { service_.feed(StopRequested{.replaced = true}); }

void Handover::perform(const StopService&) { service_.feed(StopRequested{}); }

void Handover::perform(const ReloadOwn&) { service_.reload(); }

void Handover::perform(const UpgradeLog& effect) { log_line(effect.level, effect.text); }

}  // namespace tricorn
