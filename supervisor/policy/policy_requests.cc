// What the operator asks for, and the way to the exit.
#include <algorithm>
#include <string>
#include <utility>

#include "supervisor/policy/policy_state.h"

namespace tricorn {
namespace {

// Slots and the workers that leave them share the scoreboard's 1024 blocks.
constexpr size_t kMaxSlots = 512;

constexpr const char* kStopping = "the server is stopping";
constexpr const char* kChanged = "the code has changed again";

}  // namespace

// Who is about to stop begins nothing new.
bool Policy::State::takes_orders() const {
  return (phase_ == Phase::kFirstBoot || phase_ == Phase::kServing) && !shutdown_.active();
}

void Policy::State::handle(Turn& turn, const Started&) {
  if (phase_ != Phase::kIdle) return;
  phase_ = Phase::kFirstBoot;
  slots_.resize(std::max<uint32_t>(options_.workers, 1));
  serving_generation_ = ++last_generation_;
  zygotes_.start(turn, serving_generation_);
}

void Policy::State::handle(Turn& turn, const ReloadRequested&) {
  if (!takes_orders()) return;
  unpause(turn);
  if (std::exchange(awaits_repair_, false)) {
    first_boot_asked_ = true;
    return zygotes_.start(turn, serving_generation_);
  }
  rollout_.request();
  if (options_.newest_reload_wins) drop_outdated_code(turn);
  if (rollout_.active()) turn.log(LogLevel::kInfo, "another reload follows the one in progress");
}

void Policy::State::handle(Turn& turn, const ScaleRequested& event) {
  if (!takes_orders()) return;
  if (paused_ && event.delta > 0) return unpause(turn);
  for (int i = 0; i < event.delta; ++i) add_slot(turn);
  for (int i = 0; i > event.delta; --i) remove_slot(turn);
}

void Policy::State::handle(Turn& turn, const ScaleTo& event) {
  if (!takes_orders()) return;
  unpause(turn);
  const size_t wanted = std::clamp<size_t>(event.workers, 1, kMaxSlots);
  while (slots_.size() < wanted) add_slot(turn);
  while (slots_.size() > wanted) remove_slot(turn);
}

void Policy::State::handle(Turn& turn, const RetireAllRequested&) {
  if (!takes_orders() || paused_) return;
  turn.log(LogLevel::kInfo, "retiring all workers; a reload or one worker more brings them back");
  paused_ = true;
  cancel_roll(turn, "all workers were retired");
  for (WorkerSlot& slot : slots_) {
    cancel_motion(turn, slot);
    if (slot.current) workers_.let_go(turn, *workers_.find(*slot.current));
    slot = {};
  }
}

void Policy::State::handle(Turn& turn, const BringBackRequested&) {
  if (takes_orders()) unpause(turn);
}

void Policy::State::unpause(Turn& turn) {
  if (!std::exchange(paused_, false)) return;
  turn.log(LogLevel::kInfo, "bringing back {} workers", slots_.size());
}

void Policy::State::add_slot(Turn& turn) {
  if (slots_.size() == kMaxSlots) return;
  slots_.emplace_back();
  turn.log(LogLevel::kInfo, "one worker more: {}", slots_.size());
}

void Policy::State::remove_slot(Turn& turn) {
  if (slots_.size() == 1) return;
  cancel_motion(turn, slots_.back());
  if (slots_.back().current) workers_.let_go(turn, *workers_.find(*slots_.back().current));
  slots_.pop_back();
  turn.log(LogLevel::kInfo, "one worker less: {}", slots_.size());
}

void Policy::State::handle(Turn& turn, const StopRequested& event) {
  const StopLevel before = shutdown_.level();
  // Else nobody has to learn of it.
  const bool serves = phase_ == Phase::kServing && !paused_ && !event.replaced && !event.at_once;
  shutdown_.request(event, turn.now, serves ? options_.shutdown_delay : Duration::zero());
  if (shutdown_.level() != before) turn.emit(LogLine{LogLevel::kInfo, describe(shutdown_.level())});
  delaying_stop() ? begin_delay(turn) : begin_stop(turn);
}

// Workers that die are respawned, but none is replaced any more.
void Policy::State::begin_delay(Turn& turn) {
  cancel_roll(turn, kStopping);
  for (WorkerSlot& slot : slots_) {
    if (!slot.motion) continue;
    serves_alone(slot) ? take_over(turn, slot) : cancel_motion(turn, slot);
  }
}

void Policy::State::fail_first_boot(Turn& turn, const std::string& who, const Loss& loss) {
  if (options_.waits_for_repair && loss.exit_code != kExitFailure) {
    turn.log(LogLevel::kError, "{} {}; waiting for a change{}", who, loss.what,
             below(loss.traceback));
    end_first_boot(turn, RolloutOutcome::kAborted, who + " " + loss.what, loss.traceback);
    return wait_for_repair(turn);
  }
  turn.log(LogLevel::kError, "{} {}; stopping{}", who, loss.what, below(loss.traceback));
  shutdown_.boot_failed(loss.exit_code);
  begin_stop(turn);
}

// Code of which nothing serves yet is not waited for when there is newer: it may hang.
void Policy::State::drop_outdated_code(Turn& turn) {
  if (phase_ == Phase::kFirstBoot) {
    turn.log(LogLevel::kInfo, "starting anew: the code has changed");
    end_first_boot(turn, RolloutOutcome::kCancelled, kChanged);
    return wait_for_repair(turn);
  }
  if (!rollout_.active() || rollout_.state() == Rollout::State::kRolling) return;
  const Generation target = *rollout_.target();
  turn.log(LogLevel::kInfo, "generation {} is out of date already", target);
  turn.emit(RolloutEnded{target, RolloutOutcome::kCancelled, kChanged, ""});
  undo_roll(turn);
}

// What is left of the first boot goes; the next generation is the first one again. A change that
// has come meanwhile is tried at once.
void Policy::State::wait_for_repair(Turn& turn) {
  for (WorkerSlot& slot : slots_) {
    Worker* worker = slot.current ? workers_.find(*slot.current) : nullptr;
    if (worker != nullptr) workers_.let_go(turn, *worker);
    slot = {};
  }
  serving_generation_ = ++last_generation_;
  first_boot_asked_ = rollout_.start_due();
  awaits_repair_ = !first_boot_asked_;
  rollout_.cancel();
  if (!awaits_repair_) zygotes_.start(turn, serving_generation_);
}

// To who asked for a reload while nothing served yet: this boot is it.
void Policy::State::end_first_boot(Turn& turn, RolloutOutcome outcome, const std::string& reason,
                                   const std::string& traceback) {
  if (!std::exchange(first_boot_asked_, false)) return;
  turn.emit(RolloutEnded{serving_generation_, outcome, reason, traceback});
}

void Policy::State::begin_stop(Turn& turn) {
  const bool first = std::exchange(phase_, Phase::kStopping) != Phase::kStopping;
  if (first) {
    cancel_roll(turn, kStopping);
    slots_.clear();
  }
  apply_stop_level(turn);
  if (first) turn.emit(StopListening{});
}

void Policy::State::apply_stop_level(Turn& turn) {
  for (const WorkerId id : workers_.ids()) {
    Worker& worker = *workers_.find(id);
    if (shutdown_.level() == StopLevel::kKill) {
      workers_.kill(turn, worker);
    } else if (shutdown_.level() == StopLevel::kFast || worker.state == Worker::State::kBooting) {
      workers_.quit(turn, worker);
    } else {
      workers_.drain(turn, worker, shutdown_.drain_mode());
    }
  }
  if (shutdown_.level() != StopLevel::kKill) return;
  for (const Generation generation : zygotes_.generations()) zygotes_.kill(turn, generation);
}

void Policy::State::finish_stop(Turn& turn) {
  if (!workers_.empty() || !zygotes_.empty()) return;
  phase_ = Phase::kGone;
  turn.log(LogLevel::kInfo, "stopped");
  turn.emit(ExitMaster{shutdown_.exit_code()});
}

}  // namespace tricorn
