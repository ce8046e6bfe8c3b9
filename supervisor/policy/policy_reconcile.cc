// What follows from the facts: empty slots are filled, one worker at a time is replaced, a reload
// goes on or is undone.
//
// A slot is replaced when the roll has not reached it, when its worker's code is not the serving
// one (a reload was aborted after it had been rolled), or when its worker asks for it. All three
// take the same way.
#include "supervisor/policy/policy_state.h"

namespace tricorn {

void Policy::State::reconcile(Turn& turn) {
  start_due_roll(turn);
  fill_empty_slots(turn);
  advance_motion(turn);
}

void Policy::State::start_due_roll(Turn& turn) {
  if (phase_ != Phase::kServing || !rollout_.start_due()) return;
  rollout_.start(++last_generation_);
  for (WorkerSlot& slot : slots_) slot.rolled = false;
  turn.log(LogLevel::kInfo, "reloading: generation {} replaces {}", last_generation_,
           serving_generation_);
  zygotes_.start(turn, last_generation_);
}

void Policy::State::fill_empty_slots(Turn& turn) {
  for (SlotId id = 0; id < slots_.size(); ++id) {
    WorkerSlot& slot = slots_[id];
    if (can_respawn(id) && slot.respawn_at <= turn.now) {
      slot.current = workers_.spawn(turn, id, respawn_generation(slot));
    }
  }
}

// Goes on until a replacement has to be waited for.
void Policy::State::advance_motion(Turn& turn) {
  if (motion_ && motion_->takes_over_at && *motion_->takes_over_at <= turn.now) take_over(turn);
  if (motion_) return;
  bool all_rolled = true;
  for (const WorkerSlot& slot : slots_) all_rolled = all_rolled && slot.rolled;
  if (rollout_.replaces_workers() && all_rolled) {
    finish_roll(turn);
    start_due_roll(turn);
  }
  for (SlotId id = 0; id < slots_.size(); ++id) {
    if (!can_replace(id) || slots_[id].replace_at > turn.now) continue;
    motion_ = Motion{id, workers_.spawn(turn, id, replacement_generation())};
    return;
  }
}

void Policy::State::take_over(Turn& turn) {
  WorkerSlot& slot = slots_[motion_->slot];
  const Worker& replacement = *workers_.find(motion_->replacement);
  if (slot.current) {
    Worker& old = *workers_.find(*slot.current);
    turn.log(LogLevel::kInfo, "{} takes over from {}", replacement.name(), old.name());
    workers_.let_go(turn, old);
  }
  slot.current = replacement.id;
  motion_.reset();
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
}

// The old generation serves on. Slots that were rolled go back to it, one by one, so that all serve
// one code.
void Policy::State::abort_roll(Turn& turn, const std::string& reason,
                               const std::string& traceback) {
  turn.log(LogLevel::kError, "reload aborted: {}; generation {} serves on{}", reason,
           serving_generation_, below(traceback));
  const Generation target = *rollout_.target();
  rollout_.end();
  if (motion_ && workers_.find(motion_->replacement)->generation == target) {
    // A new worker that alone is ready in its slot serves until it is replaced in its turn.
    serves_alone(*motion_) ? take_over(turn) : cancel_motion(turn);
  }
  for (WorkerSlot& slot : slots_) {
    slot.replace_at = turn.now;
    if (!slot.current) continue;
    Worker& worker = *workers_.find(*slot.current);
    if (worker.generation != target || worker.state != Worker::State::kBooting) continue;
    workers_.let_go(turn, worker);
    slot.current.reset();
    slot.respawn_at = turn.now;
  }
}

bool Policy::State::serves_alone(const Motion& motion) const {
  const std::optional<WorkerId> old = slots_[motion.slot].current;
  return workers_.find(motion.replacement)->ready_at && !(old && workers_.find(*old)->ready_at);
}

void Policy::State::cancel_motion(Turn& turn) {
  if (!motion_) return;
  workers_.let_go(turn, *workers_.find(motion_->replacement));
  motion_.reset();
}

// All but the time is right for filling this slot.
bool Policy::State::can_respawn(SlotId id) const {
  const WorkerSlot& slot = slots_[id];
  const Generation generation = respawn_generation(slot);
  if (paused_ || slot.current || !zygotes_.ready(generation)) return false;
  if (!motion_ || motion_->slot != id) return true;
  // The old worker died beside its replacement. Unproven code is not waited for.
  const Worker& replacement = *workers_.find(motion_->replacement);
  return !replacement.ready_at && replacement.generation != generation;
}

// All but the time is right for replacing this slot's worker.
bool Policy::State::can_replace(SlotId id) const {
  return !paused_ && !motion_ && needs_replacement(slots_[id]) &&
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
