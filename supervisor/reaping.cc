// ProcessTable's reaping: matches exit statuses with workers and zygotes, and swallows those of
// strangers.
//
// A worker's kSpawned is sent before its intermediate parent exits, hence before we can reap the
// worker: hearing the zygotes first makes its pid known in time. Should the message come late after
// all, the exit waits for it.
#include <algorithm>

#include "supervisor/process_table.h"

namespace tricorn {

void ProcessTable::reap() {
  hear_zygotes();
  while (auto child = reap_child()) on_exit(*child);
}

void ProcessTable::hear_zygotes() {
  std::vector<Generation> generations;  // a zygote may be forgotten while it is heard
  for (const auto& [generation, zygote] : zygotes_) generations.push_back(generation);
  for (Generation generation : generations) {
    auto found = zygotes_.find(generation);
    if (found != zygotes_.end()) found->second->channel.deliver_arrived();
  }
}

void ProcessTable::on_exit(const ReapedChild& child) {
  if (report_exit(child)) return;
  hear_zygotes();
  if (report_exit(child) || observer_.claims(child)) return;
  bool may_be_ours = std::ranges::any_of(
      workers_, [](const auto& entry) { return entry.second->process.pid() == 0; });
  if (may_be_ours) {
    unclaimed_[child.pid] = child;
  } else {
    unclaimed_.clear();
    log_debug("reaped a stranger (pid {}): {}", child.pid,
              describe(ExitStatus{.code = child.code, .signal = child.signal}));
  }
}

bool ProcessTable::report_exit(const ReapedChild& child) {
  ExitStatus status{.code = child.code, .signal = child.signal};
  for (const auto& [id, worker] : workers_) {
    if (worker->process.pid() != child.pid) continue;
    report_worker_exit(id, status);
    return true;
  }
  for (const auto& [generation, zygote] : zygotes_) {
    if (zygote->exited || zygote->process.pid() != child.pid) continue;
    report_zygote_exit(generation, status);
    return true;
  }
  return false;
}

void ProcessTable::report_worker_exit(WorkerId id, ExitStatus status) {
  workers_.at(id)->channel.deliver_arrived();  // its last words
  auto worker = workers_.extract(id);
  boards_.release(worker.mapped()->board);
  observer_.on_event(WorkerExited{.worker = id, .status = status});
}

void ProcessTable::report_zygote_exit(Generation generation, ExitStatus status) {
  ZygoteProcess& zygote = *zygotes_.at(generation);
  zygote.channel.deliver_arrived();  // its last words
  zygote.exited = true;
  bool all_told = zygote.closed || pending_spawns(generation).empty();
  observer_.on_event(ZygoteExited{.generation = generation, .status = status});
  if (all_told && zygotes_.at(generation)->exited)
    forget_zygote(generation);  // else: its successor
}

void ProcessTable::on_zygote_closed(Generation generation) {
  ZygoteProcess& zygote = *zygotes_.at(generation);
  zygote.closed = true;
  if (zygote.exited) forget_zygote(generation);
}

void ProcessTable::forget_zygote(Generation generation) {
  auto zygote = zygotes_.extract(generation);
  for (WorkerId id : pending_spawns(generation)) on_spawn_failed(id, ESRCH);
}

void ProcessTable::bury_zygote(Generation generation) {
  buried_ = std::move(zygotes_.at(generation));
  buried_->channel.stop();
  forget_zygote(generation);
}

std::vector<WorkerId> ProcessTable::pending_spawns(Generation generation) const {
  std::vector<WorkerId> pending;
  for (const auto& [id, worker] : workers_) {
    if (worker->generation == generation && worker->process.pid() == 0) pending.push_back(id);
  }
  return pending;
}

}  // namespace tricorn
