// ProcessTable: the zygotes and workers of one master. Starts, orders, hears and reaps them;
// decides nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/scoreboard.h"
#include "supervisor/boards.h"
#include "supervisor/child_process.h"
#include "supervisor/heartbeat_watch.h"
#include "supervisor/os/event_loop.h"
#include "supervisor/os/process_ops.h"
#include "supervisor/policy/rss_watch.h"
#include "supervisor/zygote_plan.h"

namespace tricorn {

// Starts a zygote that inherits `control_fd`: launch_zygote() but in tests.
using ZygoteLauncher = std::function<Result<pid_t>(const ZygotePlan&, int control_fd)>;

// What its scoreboard and the kernel tell of one worker.
struct WorkerFigures {
  uint32_t connections = 0;
  uint32_t requests_active = 0;
  uint64_t requests = 0;
  uint64_t bytes_sent = 0;
  std::optional<uint64_t> rss_bytes;
  std::optional<TimePoint> heartbeat_at;
};

// What a worker said about the Python stacks of its threads.
struct WorkerStacks {
  WorkerId worker = 0;
  SlotId slot = 0;
  Generation generation = 0;
  pid_t pid = 0;
  std::string text;
};

class ProcessTable {
 public:
  struct Observer {
    std::function<void(Event)> on_event;  // may call back into the table
    std::function<void(Generation, const std::string& python)>
        on_python;  // before that zygote's ZygoteReady
    // Whether a child that is neither zygote nor worker has been waited for by somebody.
    std::function<bool(const ReapedChild&)> claims = [](const ReapedChild&) { return false; };
    std::function<void(WorkerStacks)> on_stacks = {};  // the answer to ask_stacks()
  };

  // `loop` and `scoreboard` outlive it.
  ProcessTable(EventLoop& loop, Scoreboard& scoreboard, ZygoteLauncher launch, Observer observer);

  // Failures are reported as events: ZygoteExited, WorkerSpawnFailed.
  void start_zygote(Generation generation, const ZygotePlan& plan,
                    std::span<const int> listener_fds);
  void stop_zygote(Generation generation, ZygoteStop how);
  void spawn_worker(const SpawnWorker& order);

  // Unknown workers have just exited: nothing happens.
  void signal_worker(WorkerId worker, int signal);
  void send_to_worker(WorkerId worker, const ControlMessage& message);
  void send_to_workers(const ControlMessage& message);
  // Tells every ready worker, now and in future, that the listeners listen.
  void announce_listening();
  // Every worker that could be asked now, without a text.
  std::vector<WorkerStacks> stack_owners() const;
  // Asks for its stacks: its loop, or (`interrupt`) the process itself, which costs the app an
  // interrupted system call. on_stacks brings the answer, if there is one.
  void ask_stacks(WorkerId worker, bool interrupt);

  // Call on SIGCHLD. Whatever a child said before it died is reported before its death.
  void reap();

  void kill_all();
  bool empty() const { return zygotes_.empty() && workers_.empty(); }
  std::vector<Heartbeat> heartbeats() const;   // of the ready workers that have one
  std::vector<RssSample> rss_samples() const;  // of the ready workers; reads /proc
  std::optional<WorkerFigures> figures(WorkerId worker) const;  // reads /proc

 private:
  Result<> try_start_zygote(Generation generation, const ZygotePlan& plan,
                            std::span<const int> listener_fds);
  Result<> try_spawn_worker(const SpawnWorker& order);
  void on_zygote_message(Generation generation, ControlMessage message);
  void on_worker_message(WorkerId id, ControlMessage message);
  void on_stacks(WorkerStacks owner, ControlMessage message);
  void log_last_words(const std::string& who, const ControlMessage& stacks) const;
  void on_spawned(WorkerId id, pid_t pid);
  void on_spawn_failed(WorkerId id, int sys_errno);
  void on_exit(const ReapedChild& child);
  bool report_exit(const ReapedChild& child);
  void report_worker_exit(WorkerId id, ExitStatus status);
  void report_zygote_exit(Generation generation, ExitStatus status);
  void hear_zygotes();
  void on_zygote_closed(Generation generation);
  void forget_zygote(Generation generation);
  // As forget_zygote; may be called while it is heard.
  void bury_zygote(Generation generation);
  void tell_listening(WorkerProcess& worker);
  std::vector<WorkerId> pending_spawns(Generation generation) const;

  EventLoop& loop_;
  Scoreboard& scoreboard_;
  Boards boards_;
  ZygoteLauncher launch_;
  Observer observer_;
  bool listening_ = false;
  std::map<Generation, std::unique_ptr<ZygoteProcess>> zygotes_;
  std::unique_ptr<ZygoteProcess>
      buried_;  // kept until the next one: its channel may be on the stack
  std::map<WorkerId, std::unique_ptr<WorkerProcess>> workers_;
  std::unordered_map<pid_t, ReapedChild>
      unclaimed_;  // exits of workers whose kSpawned is still on its way
};

}  // namespace tricorn
