// Worker: one worker process, from the app that is ready to serve to the last connection. It joins
// the parts: the loop that the app runs on, the gateway, the server, and the control socket to the
// master.
//
// One thread, GIL held in every call; beside it a watchdog that looks at its heartbeat.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/control_message.h"
#include "common/scoreboard.h"
#include "common/unique_fd.h"
#include "common/worker_settings.h"
#include "worker/gateway/gateway.h"
#include "worker/loop/loop_api.h"
#include "worker/observe/loop_watchdog.h"
#include "worker/server/server.h"
#include "worker/uv/handle.h"

namespace tricorn {

struct WorkerSetup {
  UniqueFd control;
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t board = 0;
  pid_t master = 0;
  WorkerSettings settings;
  std::vector<UniqueFd> listeners;
  Scoreboard scoreboard;
};

class Worker {
 public:
  explicit Worker(WorkerSetup setup);
  ~Worker();

  const WorkerSetup& setup() const { return setup_; }

  // From now on the master is heard, on `loop` (a tricorn.Loop). `on_stopped` is called once, from
  // the loop, when serving is over and lifespan shutdown may begin; while the app still boots, when
  // it is to give up. False with a Python error.
  bool attach(PyObject* loop, PyObject* on_stopped);
  // The app's lifespan startup is done: makes gateway and server, tells the master that this worker
  // is ready, and serves once the master says that the listeners listen. `state`: the lifespan
  // state or None. `websocket`: the app can do more than requests, so that handshakes are for it.
  // False with a Python error set.
  bool start(PyObject* app, PyObject* state, bool websocket);

  // The app could not be brought up; the process exits next.
  void boot_failed(BootFailureKind kind, const std::string& text);
  // SIGTERM was sent to this process itself. The first one asks the master for a replacement, which
  // retires this worker; without a master, or sent again, it is a stop with the worker's own
  // deadline.
  void terminate();
  // Closes connections and handles; the loop must run once more, or be closed, to let go of them.
  // What the app still runs may go on with its requests, whose clients are gone, as long as this
  // lives.
  void close();

 private:
  enum class Phase { kBooting, kServing, kDraining, kCancelling, kStopped };
  void enter(Phase phase);  // and shows it in the process's title

  void read_control();
  void on_message(const ControlMessage& message);
  void on_master_gone();
  void drain(DrainMode mode, Duration deadline);
  Duration deadline_left() const;
  void on_deadline();
  void cancel_requests();
  void finish_if_drained();
  void finish();
  void ask_to_retire(const char* reason);
  void start_watchdog();
  void report_hang(Duration stuck_for) const;  // by the watchdog's thread
  void arm(Duration delay);
  void tell_master(const ControlMessage& message);
  uint64_t request_limit() const;
  unsigned orphan_seconds() const;  // what it has left once its master is gone

  WorkerSetup setup_;
  LoopApi* loop_ = nullptr;
  PyRef loop_object_;
  PyRef on_stopped_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<LoopWatchdog> watchdog_;
  UvHandle<uv_poll_t> control_watch_;
  UvHandle<uv_timer_t> deadline_timer_;
  Phase phase_ = Phase::kBooting;
  bool listening_ = false;
  bool told_to_end_ = false;  // by a SIGTERM
  bool connections_gone_ = false;
};

}  // namespace tricorn
