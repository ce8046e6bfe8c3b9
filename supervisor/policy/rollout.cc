// The steps of a reload.
#include "supervisor/policy/rollout.h"

#include <cassert>

namespace tricorn {

void Rollout::start(Generation target) {
  assert(state_ == State::kIdle);
  state_ = State::kStartingZygote;
  target_ = target;
  requested_ = false;
  crash_forgiven_ = false;
}

void Rollout::zygote_ready() {
  assert(state_ == State::kStartingZygote);
  state_ = State::kCanary;
}

void Rollout::first_slot_done() {
  if (state_ == State::kCanary) state_ = State::kRolling;
}

void Rollout::cancel() {
  state_ = State::kIdle;
  requested_ = false;
}

std::optional<Generation> Rollout::target() const {
  if (!active()) return std::nullopt;
  return target_;
}

}  // namespace tricorn
