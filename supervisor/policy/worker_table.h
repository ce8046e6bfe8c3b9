// WorkerTable: every live worker process and how far its life has come. Each way out has a
// deadline.
//
//   booting ──ready──> ready ──drain──> retiring ──┐
//      │ └─────quit──────┴────quit─> quitting ─────┼──deadline──> killed ──deadline──> given up
//      └───deadline, or hung──────> aborted ───────┘
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/policy/policy.h"
#include "supervisor/policy/turn.h"

namespace tricorn {

struct Worker {
  using State = WorkerView::State;

  WorkerId id = 0;
  SlotId slot = 0;
  Generation generation = 0;
  TimePoint spawned_at{};
  TimePoint boot_deadline{};   // also of its zygote's report of the spawn
  std::optional<int32_t> pid;  // known once the zygote has reported the spawn
  State state = State::kBooting;
  std::optional<TimePoint> deadline;  // of `state`; a ready worker's is the end of its lifetime
  std::optional<TimePoint> ready_at;
  std::optional<std::string> retire_wish;  // why it is to be replaced
  TimePoint wished_at{};                   // since when

  bool leaving() const { return state != State::kBooting && state != State::kReady; }
  Duration ready_for(TimePoint now) const { return ready_at ? now - *ready_at : Duration::zero(); }
  std::string name() const;  // "worker 2 (pid 43)"
};

// The transitions below do nothing where the worker is already further on its way out.
class WorkerTable {
 public:
  explicit WorkerTable(const PolicyOptions& options) : options_(options) {}

  WorkerId spawn(Turn& turn, SlotId slot, Generation generation);
  void set_spawned(Turn& turn, Worker& worker, int32_t pid);
  void set_ready(Turn& turn, Worker& worker);

  // kRetire is for ready workers; kStop also hastens one that retires already, within its old
  // deadline.
  void drain(Turn& turn, Worker& worker, DrainMode mode);
  void quit(Turn& turn, Worker& worker);
  void expect_exit(Turn& turn,
                   Worker& worker);        // it said that it goes: like quit, without telling it
  void abort(Turn& turn, Worker& worker);  // needs a pid
  void kill(Turn& turn, Worker& worker);
  void let_go(Turn& turn, Worker& worker);  // drains a ready worker, quits a booting one

  Worker* find(WorkerId id);
  const Worker* find(WorkerId id) const;
  void forget(WorkerId id) { workers_.erase(id); }

  std::vector<WorkerId> ids() const;
  std::vector<WorkerId> expired(TimePoint now) const;
  std::optional<TimePoint> next_deadline() const;
  bool empty() const { return workers_.empty(); }
  size_t size() const { return workers_.size(); }
  // A zygote must not be stopped while it owes the report of a spawn.
  bool has_unreported_spawn(Generation generation) const;

  auto begin() const { return workers_.begin(); }
  auto end() const { return workers_.end(); }

 private:
  const PolicyOptions& options_;
  std::map<WorkerId, Worker> workers_;
  WorkerId last_id_ = 0;
};

}  // namespace tricorn
