// What follows from the facts: empty slots are filled, workers are replaced (`max_surge` at a
// time), a reload goes on or is undone.
//
// A slot is replaced when the roll has not reached it, when its worker's code is not the serving
// one (a reload was aborted after it had been rolled), or when its worker asks for it. All three
// take the same way.
#include <algorithm>

#include "supervisor/policy/policy_state.h"

namespace tricorn {

void Policy::State::reconcile(Turn& turn) {
  start_due_roll(turn);
  fill_empty_slots(turn);
  advance_motions(turn);
}

void Policy::State::start_due_roll(Turn& turn) {
  if (phase_ != Phase::kServing || !rollout_.start_due()) return;
  rollout_.start(++last_generation_);
  reload_failure_.clear();
  for (WorkerSlot& slot : slots_) slot.rolled = false;
  turn.log(LogLevel::kInfo, "reloading: generation {} replaces {}", last_generation_,
           serving_generation_);
  zygotes_.start(turn, last_generation_);
}

void Policy::State::fill_empty_slots(Turn& turn) {
  for (SlotId id = 0; id < slots_.size(); ++id) {
    WorkerSlot& slot = slots_[id];
    if (can_respawn(slot) && slot.respawn_at <= turn.now) {
      slot.current = workers_.spawn(turn, id, respawn_generation(slot));
    }
  }
}

// Goes on until replacements have to be waited for.
void Policy::State::advance_motions(Turn& turn) {
  for (WorkerSlot& slot : slots_) {
    const bool due =
        slot.motion && slot.motion->takes_over_at && *slot.motion->takes_over_at <= turn.now;
    if (due) take_over(turn, slot);
  }
  end_complete_roll(turn);
  while (may_begin_motion()) {
    const std::optional<SlotId> next = next_to_replace(turn.now);
    if (!next) return;
    slots_[*next].motion = Motion{workers_.spawn(turn, *next, replacement_generation())};
  }
}

// A reload goes from slot to slot. Of those that wish it, who has waited longest comes first: a
// slot whose workers are soon full again does not keep the others waiting.
std::optional<SlotId> Policy::State::next_to_replace(TimePoint now) const {
  std::optional<SlotId> next;
  TimePoint longest = TimePoint::max();
  for (SlotId id = 0; id < slots_.size(); ++id) {
    const WorkerSlot& slot = slots_[id];
    if (!can_replace(slot) || slot.replace_at > now) continue;
    const bool wishes = !rollout_.replaces_workers();
    const TimePoint since = wishes ? workers_.find(*slot.current)->wished_at : TimePoint::min();
    if (since >= longest) continue;
    longest = since;
    next = id;
  }
  return next;
}

// A slot that has been rolled is not in motion: it was its own replacement's last step.
void Policy::State::end_complete_roll(Turn& turn) {
  const bool all_rolled = std::ranges::all_of(slots_, &WorkerSlot::rolled);
  if (!rollout_.replaces_workers() || !all_rolled) return;
  finish_roll(turn);
  start_due_roll(turn);
}

void Policy::State::take_over(Turn& turn, WorkerSlot& slot) {
  const Worker& replacement = *workers_.find(slot.motion->replacement);
  if (slot.current) {
    Worker& old = *workers_.find(*slot.current);
    turn.log(LogLevel::kInfo, "{} takes over from {}", replacement.name(), old.name());
    workers_.let_go(turn, old);
  }
  slot.current = replacement.id;
  slot.motion.reset();
  if (!rollout_.rolls_to(replacement.generation)) return;
  slot.rolled = true;
  slot.backoff = {};  // the crashes were the old code's
  rollout_.first_slot_done();
}

void Policy::State::finish_roll(Turn& turn) {
  serving_generation_ = *rollout_.target();
  rollout_.end();
  turn.log(LogLevel::kInfo, "reloaded: generation {} serves with {} worker{}", serving_generation_,
           slots_.size(), slots_.size() == 1 ? "" : "s");
  turn.emit(RolloutEnded{.generation = serving_generation_});
}

void Policy::State::abort_roll(Turn& turn, const std::string& reason,
                               const std::string& traceback) {
  turn.log(LogLevel::kError, "reload aborted: {}; generation {} serves on{}", reason,
           serving_generation_, below(traceback));
  reload_failure_ = reason;
  turn.emit(RolloutEnded{*rollout_.target(), RolloutOutcome::kAborted, reason, traceback});
  undo_roll(turn);
}

// The old generation serves on. Slots that were rolled go back to it, one by one, so that all serve
// one code.
void Policy::State::undo_roll(Turn& turn) {
  const Generation target = *rollout_.target();
  rollout_.end();
  for (WorkerSlot& slot : slots_) {
    if (slot.motion && workers_.find(slot.motion->replacement)->generation == target) {
      // A new worker that alone is ready in its slot serves until it is replaced in its turn.
      serves_alone(slot) ? take_over(turn, slot) : cancel_motion(turn, slot);
    }
    slot.replace_at = turn.now;
    if (!slot.current) continue;
    Worker& worker = *workers_.find(*slot.current);
    if (worker.generation != target || worker.state != Worker::State::kBooting) continue;
    workers_.let_go(turn, worker);
    slot.current.reset();
    slot.respawn_at = turn.now;
  }
}

// The one in progress, and the one that was to follow it.
void Policy::State::cancel_roll(Turn& turn, const std::string& reason) {
  const auto cancelled = [&](Generation generation) {
    turn.emit(RolloutEnded{generation, RolloutOutcome::kCancelled, reason, ""});
  };
  end_first_boot(turn, RolloutOutcome::kCancelled, reason);
  if (rollout_.active()) cancelled(*rollout_.target());
  if (rollout_.requested()) cancelled(last_generation_ + 1);
  rollout_.cancel();
}

bool Policy::State::serves_alone(const WorkerSlot& slot) const {
  return workers_.find(slot.motion->replacement)->ready_at &&
         !(slot.current && workers_.find(*slot.current)->ready_at);
}

void Policy::State::cancel_motion(Turn& turn, WorkerSlot& slot) {
  if (!slot.motion) return;
  workers_.let_go(turn, *workers_.find(slot.motion->replacement));
  slot.motion.reset();
}

// All but the time is right for filling this slot.
bool Policy::State::can_respawn(const WorkerSlot& slot) const {
  const Generation generation = respawn_generation(slot);
  if (paused_ || slot.current || !zygotes_.ready(generation)) return false;
  if (!slot.motion) return true;
  // The old worker died beside its replacement. Unproven code is not waited for.
  const Worker& replacement = *workers_.find(slot.motion->replacement);
  return !replacement.ready_at && replacement.generation != generation;
}

// The canary goes alone among its kind: what is known of the new code is what it shows.
bool Policy::State::may_begin_motion() const {
  const auto is_of_roll = [&](const WorkerSlot& slot) {
    return slot.motion && rollout_.rolls_to(workers_.find(slot.motion->replacement)->generation);
  };
  if (rollout_.state() == Rollout::State::kCanary && std::ranges::any_of(slots_, is_of_roll)) {
    return false;
  }
  const auto in_motion =
      std::ranges::count_if(slots_, [](const WorkerSlot& slot) { return slot.motion.has_value(); });
  return static_cast<size_t>(in_motion) < std::max<uint32_t>(options_.max_surge, 1);
}

// All but the time, and the number of slots in motion, is right for replacing this slot's worker.
bool Policy::State::can_replace(const WorkerSlot& slot) const {
  return !paused_ && !shutdown_.active() && !slot.motion && needs_replacement(slot) &&
         zygotes_.ready(replacement_generation());
}

bool Policy::State::needs_replacement(const WorkerSlot& slot) const {
  if (rollout_.replaces_workers()) return !slot.rolled;
  if (!slot.current) return false;
  const Worker& worker = *workers_.find(*slot.current);
  return worker.generation != serving_generation_ || worker.retire_wish;
}

Generation Policy::State::respawn_generation(const WorkerSlot& slot) const {
  return rollout_.replaces_workers() && slot.rolled ? *rollout_.target() : serving_generation_;
}

Generation Policy::State::replacement_generation() const {
  return rollout_.replaces_workers() ? *rollout_.target() : serving_generation_;
}

}  // namespace tricorn
