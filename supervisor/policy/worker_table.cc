// The transitions of a worker's life and the orders that go with them.
#include "supervisor/policy/worker_table.h"

#include <algorithm>
#include <cassert>
#include <csignal>

namespace tricorn {

std::string Worker::name() const {
  return pid ? fmt::format("worker {} (pid {})", slot, *pid) : fmt::format("worker {}", slot);
}

WorkerId WorkerTable::spawn(Turn& turn, SlotId slot, Generation generation) {
  const WorkerId id = ++last_id_;
  const TimePoint deadline = turn.now + options_.boot_timeout;
  workers_[id] = Worker{.id = id,
                        .slot = slot,
                        .generation = generation,
                        .spawned_at = turn.now,
                        .boot_deadline = deadline,
                        .deadline = deadline};
  turn.emit(SpawnWorker{id, slot, generation});
  return id;
}

void WorkerTable::set_spawned(Turn& turn, Worker& worker, int32_t pid) {
  worker.pid = pid;
  if (worker.state == Worker::State::kKilled) turn.emit(SignalWorker{worker.id, SIGKILL});
}

void WorkerTable::set_ready(Turn& turn, Worker& worker) {
  assert(worker.state == Worker::State::kBooting);
  worker.state = Worker::State::kReady;
  worker.ready_at = turn.now;
  worker.deadline.reset();
}

void WorkerTable::drain(Turn& turn, Worker& worker, DrainMode mode) {
  if (worker.state == Worker::State::kReady) {
    worker.state = Worker::State::kRetiring;
    worker.deadline = turn.now + options_.drain_timeout + options_.kill_grace;
    turn.emit(DrainWorker{worker.id, mode, options_.drain_timeout});
  } else if (worker.state == Worker::State::kRetiring && mode == DrainMode::kStop) {
    const Duration left = *worker.deadline - options_.kill_grace - turn.now;
    if (left > Duration::zero()) turn.emit(DrainWorker{worker.id, mode, left});
  }
}

void WorkerTable::quit(Turn& turn, Worker& worker) {
  if (worker.leaving() && worker.state != Worker::State::kRetiring) return;
  turn.emit(QuitWorker{worker.id});
  expect_exit(turn, worker);
}

void WorkerTable::expect_exit(Turn& turn, Worker& worker) {
  TimePoint deadline = turn.now + options_.kill_grace;
  if (worker.state == Worker::State::kRetiring) deadline = std::min(deadline, *worker.deadline);
  worker.state = Worker::State::kQuitting;
  worker.deadline = deadline;
}

void WorkerTable::abort(Turn& turn, Worker& worker) {
  assert(worker.pid && !worker.leaving());
  worker.state = Worker::State::kAborted;
  worker.deadline = turn.now + options_.kill_grace;
  turn.emit(SignalWorker{worker.id, SIGABRT});
}

void WorkerTable::kill(Turn& turn, Worker& worker) {
  if (worker.state == Worker::State::kKilled) return;
  worker.state = Worker::State::kKilled;
  worker.deadline = turn.now + (worker.pid ? options_.death_grace : options_.kill_grace);
  if (worker.pid) turn.emit(SignalWorker{worker.id, SIGKILL});
}

void WorkerTable::let_go(Turn& turn, Worker& worker) {
  if (worker.state == Worker::State::kBooting) quit(turn, worker);
  if (worker.state == Worker::State::kReady) drain(turn, worker, options_.retire_mode);
}

Worker* WorkerTable::find(WorkerId id) {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

const Worker* WorkerTable::find(WorkerId id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

std::vector<WorkerId> WorkerTable::ids() const {
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : workers_) ids.push_back(id);
  return ids;
}

std::vector<WorkerId> WorkerTable::expired(TimePoint now) const {
  std::vector<WorkerId> ids;
  for (const auto& [id, worker] : workers_) {
    if (worker.deadline && *worker.deadline <= now) ids.push_back(id);
  }
  return ids;
}

std::optional<TimePoint> WorkerTable::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& [id, worker] : workers_) {
    if (worker.deadline && (!next || *worker.deadline < *next)) next = worker.deadline;
  }
  return next;
}

bool WorkerTable::has_unreported_spawn(Generation generation) const {
  return std::ranges::any_of(workers_, [&](const auto& entry) {
    return entry.second.generation == generation && !entry.second.pid;
  });
}

}  // namespace tricorn
