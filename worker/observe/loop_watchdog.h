// LoopWatchdog: a thread that notices that the loop does not turn, while there is time to look at
// it, and that the master is gone, when nobody else would end a worker that is stuck. It sleeps but
// for eight looks at the heartbeat in each limit, and blocks all signals.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "common/clock.h"
#include "common/result.h"
#include "common/scoreboard.h"

namespace tricorn {

class LoopWatchdog {
 public:
  // Called by the thread, without the GIL, once for each hang.
  using OnStuck = std::function<void(Duration stuck_for)>;

  // Once `parent` is not the process's parent any more it has this long to end by itself; then it
  // is killed.
  struct Orphanhood {
    pid_t parent = 0;
    Duration grace{};
  };

  // Starts the thread. Never before a fork of ours: the worker is complete. `block` outlives it.
  static Result<std::unique_ptr<LoopWatchdog>> start(Duration limit, const WorkerBlock& block,
                                                     OnStuck on_stuck, Orphanhood orphanhood);
  // Waits for the thread's end; in a process that the app has forked there is none to wait for.
  ~LoopWatchdog();

 private:
  struct Thread;
  explicit LoopWatchdog(std::unique_ptr<Thread> thread);
  std::unique_ptr<Thread> thread_;
};

}  // namespace tricorn
