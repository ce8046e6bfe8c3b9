// Events in, effects out.
#include "supervisor/handover.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

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
  stop_told_ = true;
  happened(OwnStopBegan{.signal = signal});
}

void Handover::stop_begins() { happened(SuccessionStopBegan{}); }

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

}  // namespace tricorn
