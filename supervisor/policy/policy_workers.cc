// What workers report, what their deadlines mean, and what follows from losing one.
#include <algorithm>
#include <cassert>
#include <csignal>
#include <system_error>
#include <utility>

#include "supervisor/policy/policy_state.h"

namespace tricorn {
namespace {

std::string in_seconds(Duration duration) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(duration).count());
}

std::string when(Duration delay) {
  return delay == Duration::zero() ? "now" : "in " + in_seconds(delay);
}

}  // namespace

// A stranger's message is a late one of a worker that was given up, or of a bug elsewhere: never a
// reason to act.
Worker* Policy::State::find_worker(Turn& turn, WorkerId id) {
  Worker* worker = workers_.find(id);
  if (worker == nullptr) {
    turn.log(LogLevel::kDebug, "ignored a message of unknown worker id {}", id);
  }
  return worker;
}

void Policy::State::handle(Turn& turn, const WorkerSpawned& event) {
  Worker* worker = find_worker(turn, event.worker);
  // Forked by a zygote that died before it said so: its slot has gone to another, and nobody would
  // wait for it.
  if (worker == nullptr) return turn.emit(SignalWorker{event.worker, SIGKILL});
  workers_.set_spawned(turn, *worker, event.pid);
  turn.log(LogLevel::kDebug, "{} of generation {} started", worker->name(), worker->generation);
  if (!worker->leaving()) slots_[worker->slot].spawn_failing = false;
}

// No process came of it. Says nothing about the app, so it aborts no reload; the first of a row is
// logged.
void Policy::State::handle(Turn& turn, const WorkerSpawnFailed& event) {
  const Worker* found = find_worker(turn, event.worker);
  if (found == nullptr || found->pid || found->ready_at) return;
  const Worker worker = *found;
  workers_.forget(worker.id);
  if (worker.leaving()) return;
  WorkerSlot& slot = slots_[worker.slot];
  const Duration delay = leave_slot(turn, worker);
  turn.log(slot.spawn_failing ? LogLevel::kDebug : LogLevel::kWarning,
           "{} could not be started: {}; trying again {}", worker.name(),
           std::generic_category().message(event.sys_errno), when(delay));
  slot.spawn_failing = true;
}

void Policy::State::handle(Turn& turn, const WorkerReady& event) {
  Worker* worker = find_worker(turn, event.worker);
  if (worker == nullptr || worker->state != Worker::State::kBooting) return;
  workers_.set_ready(turn, *worker);
  if (options_.worker_lifetime > Duration::zero()) {
    worker->deadline =
        turn.now + jitter_.spread(options_.worker_lifetime, options_.lifetime_jitter);
  }
  log_crash(turn, slots_[worker->slot].backoff, LogLevel::kInfo, worker->name() + " ready");
  if (phase_ == Phase::kFirstBoot) {
    phase_ = Phase::kServing;
    turn.emit(StartListening{});
    end_first_boot(turn, RolloutOutcome::kCompleted);
  }
  if (in_motion(*worker)) {
    const bool canary =
        rollout_.state() == Rollout::State::kCanary && rollout_.rolls_to(worker->generation);
    slots_[worker->slot].motion->takes_over_at =
        turn.now + (canary ? options_.canary_window : Duration::zero());
  }
  if (all_ready_logged_ || !all_ready()) return;
  all_ready_logged_ = true;
  turn.log(LogLevel::kInfo, "ready: {} worker{}", slots_.size(), slots_.size() == 1 ? "" : "s");
}

void Policy::State::handle(Turn& turn, const WorkerBootFailed& event) {
  Worker* worker = find_worker(turn, event.worker);
  if (worker == nullptr || worker->state != Worker::State::kBooting) return;
  workers_.expect_exit(turn, *worker);
  ++losses_.not_started;
  worker_lost(
      turn, *worker,
      {"could not start the app", event.failure.text, static_cast<int>(event.failure.kind)});
}

void Policy::State::handle(Turn& turn, const WorkerExited& event) {
  const Worker* found = find_worker(turn, event.worker);
  if (found == nullptr) return;
  const Worker worker = *found;
  workers_.forget(worker.id);
  const std::string what = explain_end(worker, event);
  if (!worker.leaving() && worker.ready_at) {
    worker_lost(turn, worker, {what, "", std::max<int>(shell_code(event.status), kExitFailure)});
  } else if (!worker.leaving()) {
    worker_lost(turn, worker, {what + " before it was ready", "", kExitAppStart});
  } else if (worker.ready_at && event.status == ExitStatus{}) {
    turn.log(LogLevel::kInfo, "{} stopped", worker.name());
  } else {  // a kill of ours has been logged with its reason
    const bool aborted = worker.state == Worker::State::kAborted && event.status.signal == SIGABRT;
    const bool crashed = worker.ready_at && worker.state != Worker::State::kKilled && !aborted;
    turn.log(crashed ? LogLevel::kWarning : LogLevel::kDebug, "{} stopped: {}", worker.name(),
             what);
  }
}

// And counts it. A SIGKILL of ours needs no explanation.
std::string Policy::State::explain_end(const Worker& worker, const WorkerExited& event) {
  const bool killed_by_others =
      event.status.signal == SIGKILL && worker.state != Worker::State::kKilled;
  if (killed_by_others && !event.oom_cgroup.empty()) {
    ++losses_.out_of_memory;
    return fmt::format("killed by the kernel: out of memory (cgroup {}), {} so far",
                       event.oom_cgroup, losses_.out_of_memory);
  }
  if (!worker.leaving()) ++(worker.ready_at ? losses_.crashed : losses_.not_started);
  return describe_end(event.status);
}

void Policy::State::handle(Turn& turn, const WorkerRetireWish& event) {
  Worker* worker = find_worker(turn, event.worker);
  if (worker == nullptr || worker->state != Worker::State::kReady || worker->retire_wish) return;
  worker->retire_wish = event.reason;
  worker->wished_at = turn.now;
  turn.log(LogLevel::kInfo, "{} is to be replaced: {}", worker->name(), event.reason);
}

// Boots have their own clock and so have drains: only a serving worker can be hung.
void Policy::State::handle(Turn& turn, const WorkerHung& event) {
  Worker* worker = find_worker(turn, event.worker);
  if (worker == nullptr || worker->state != Worker::State::kReady) return;
  if (worker->pid) {
    workers_.abort(turn, *worker);
  } else {
    workers_.quit(turn, *worker);
  }
  ++losses_.hung;
  worker_lost(turn, *worker,
              {"gave no sign of life for " + in_seconds(event.silent_for) + " and is aborted", "",
               shell_code({.signal = SIGABRT})});
}

void Policy::State::worker_expired(Turn& turn, WorkerId id) {
  Worker* worker = workers_.find(id);
  if (worker == nullptr || !worker->deadline || *worker->deadline > turn.now) return;
  switch (worker->state) {
    case Worker::State::kBooting:
      return boot_expired(turn, *worker);
    case Worker::State::kReady:
      worker->deadline.reset();
      return handle(turn, WorkerRetireWish{id, "its lifetime is over"});
    case Worker::State::kRetiring:
    case Worker::State::kQuitting:
    case Worker::State::kAborted:
      if (!worker->pid) return unreported_expired(turn, *worker);
      if (worker->ready_at && stopping()) shutdown_.forced();
      turn.log(worker->state == Worker::State::kAborted ? LogLevel::kInfo : LogLevel::kWarning,
               "{} did not end in time: killed", worker->name());
      return workers_.kill(turn, *worker);
    case Worker::State::kKilled:
      return give_up(turn, *worker);
  }
}

void Policy::State::boot_expired(Turn& turn, Worker& worker) {
  ++losses_.not_started;
  const Loss loss{"not ready within " + in_seconds(options_.boot_timeout), "", kExitAppStart};
  if (worker.pid) {
    workers_.abort(turn, worker);
  } else {
    // The zygote itself hangs. Its exit brings a new one, if it is needed.
    workers_.quit(turn, worker);
    zygotes_.kill(turn, worker.generation);
  }
  worker_lost(turn, worker, loss);
}

// Told to quit before its zygote has reported the spawn. A slow zygote may take as long as a boot,
// unless we stop.
void Policy::State::unreported_expired(Turn& turn, Worker& worker) {
  if (zygotes_.ready(worker.generation) && !stopping() && turn.now < worker.boot_deadline) {
    worker.deadline = std::min(turn.now + options_.kill_grace, worker.boot_deadline);
  } else {
    give_up(turn, worker);
  }
}

// Nothing more can be done about it: its spawn was never reported, or it outlives SIGKILL in an
// uninterruptible call.
void Policy::State::give_up(Turn& turn, const Worker& worker) {
  if (worker.pid) {
    turn.log(LogLevel::kError, "{} does not die of SIGKILL: left behind", worker.name());
    if (stopping()) shutdown_.forced();
  } else if (!worker.ready_at) {
    zygotes_.kill(turn, worker.generation);
  }
  workers_.forget(worker.id);
}

bool Policy::State::in_motion(const Worker& worker) const {
  if (worker.slot >= slots_.size()) return false;
  const std::optional<Motion>& motion = slots_[worker.slot].motion;
  return motion && motion->replacement == worker.id;
}

// The worker is no longer its slot's. Returns the delay before the next one.
Duration Policy::State::leave_slot(Turn& turn, const Worker& worker) {
  WorkerSlot& slot = slots_[worker.slot];
  const Duration delay = slot.backoff.next_delay(options_, worker.ready_for(turn.now), jitter_);
  if (in_motion(worker)) {
    slot.motion.reset();
    slot.replace_at = turn.now + delay;
  } else {
    assert(slot.current == worker.id);
    slot.current.reset();
    slot.respawn_at = turn.now + delay;
  }
  return delay;
}

// A worker that was needed is gone or about to go: the first boot fails, or a reload is aborted, or
// its slot tries again.
void Policy::State::worker_lost(Turn& turn, const Worker& worker, const Loss& loss) {
  if (phase_ == Phase::kFirstBoot) return fail_first_boot(turn, worker.name(), loss);
  const bool young = worker.ready_for(turn.now) < options_.canary_window || !worker.ready_at;
  const bool spoils_roll = rollout_.rolls_to(worker.generation) && young;
  const bool replacement = in_motion(worker);
  if (spoils_roll && worker.ready_at && rollout_.forgive_crash()) {
    return try_new_code_again(turn, worker, loss);
  }
  if (spoils_roll && replacement) {
    slots_[worker.slot].motion.reset();  // its code is to blame, not the slot: no backoff
    return abort_roll(turn, worker.name() + " " + loss.what, loss.traceback);
  }
  const Duration delay = leave_slot(turn, worker);
  if (spoils_roll) return abort_roll(turn, worker.name() + " " + loss.what, loss.traceback);
  if (options_.exit_on_worker_crash && worker.ready_at) return stop_after_crash(turn, worker, loss);
  SlotHistory& history = slots_[worker.slot].history;
  history = {history.losses + 1, loss.what, loss.traceback};
  const char* next = replacement ? "the old worker serves on, trying again" : "respawning";
  log_crash(turn, slots_[worker.slot].backoff,
            loss.traceback.empty() ? LogLevel::kWarning : LogLevel::kError,
            fmt::format("{} {}; {} {}{}", worker.name(), loss.what, next, when(delay),
                        below(loss.traceback)));
}

// At once, and without backoff: not the slot is to blame. The next such crash ends the reload.
void Policy::State::try_new_code_again(Turn& turn, const Worker& worker, const Loss& loss) {
  WorkerSlot& slot = slots_[worker.slot];
  turn.log(LogLevel::kWarning, "{} {}; the new code is tried once more", worker.name(), loss.what);
  if (in_motion(worker)) {
    slot.motion.reset();
    slot.replace_at = turn.now;
  } else {
    slot.current.reset();
    slot.respawn_at = turn.now;
    slot.history = {slot.history.losses + 1, loss.what, loss.traceback};
  }
}

// What the app was doing in the other workers may end.
void Policy::State::stop_after_crash(Turn& turn, const Worker& worker, const Loss& loss) {
  turn.log(LogLevel::kError, "{} {}; stopping, as --exit-on-worker-crash asks", worker.name(),
           loss.what);
  shutdown_.worker_crashed(loss.exit_code);
  begin_stop(turn);
}

// All that crash in a loop share six lines a minute; the first crash of each slot is told in any
// case.
void Policy::State::log_crash(Turn& turn, const RestartBackoff& backoff, LogLevel level,
                              std::string text) {
  if (backoff.looping()) {
    const std::optional<size_t> left_out = crash_log_.admit(turn.now);
    if (!left_out) return;
    if (*left_out > 0) text = fmt::format("({} lines about crashes left out) ", *left_out) + text;
  }
  turn.emit(LogLine{level, std::move(text)});
}

}  // namespace tricorn
