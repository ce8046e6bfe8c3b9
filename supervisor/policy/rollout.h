// Rollout: how far a reload has come. One at a time; requests meanwhile become one further reload.
#pragma once

#include <optional>
#include <utility>

#include "supervisor/policy/policy_types.h"

namespace tricorn {

class Rollout {
 public:
  enum class State {
    kIdle,
    kStartingZygote,  // the new generation's zygote boots
    kCanary,          // the first new worker boots, then lives a while beside the old one
    kRolling,         // slot after slot
  };

  void request() { requested_ = true; }
  bool requested() const { return requested_; }  // beside the one in progress
  bool start_due() const { return requested_ && state_ == State::kIdle; }
  void start(Generation target);
  void zygote_ready();
  void first_slot_done();
  // A worker of the new code crashed young. The first time that may have had any cause: true once
  // per reload.
  bool forgive_crash() { return active() && !std::exchange(crash_forgiven_, true); }
  void end() { state_ = State::kIdle; }  // succeeded or aborted; a request stays
  void cancel();                         // forgets a request, too

  State state() const { return state_; }
  bool active() const { return state_ != State::kIdle; }
  bool replaces_workers() const { return state_ == State::kCanary || state_ == State::kRolling; }
  // The new generation while a reload is on.
  std::optional<Generation> target() const;
  bool rolls_to(Generation generation) const { return target() == generation; }

 private:
  State state_ = State::kIdle;
  Generation target_ = 0;
  bool requested_ = false;
  bool crash_forgiven_ = false;
};

}  // namespace tricorn
