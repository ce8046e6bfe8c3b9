// Heartbeat: the loop's sign of life in the scoreboard. It comes from a timer of the loop itself,
// so a blocked loop misses its beats; a busy thread elsewhere in the process does not hide that.
#pragma once

#include "common/clock.h"
#include "common/scoreboard.h"
#include "worker/uv/handle.h"

namespace tricorn {

inline constexpr Duration kHeartbeatInterval = std::chrono::milliseconds(500);

class Heartbeat {
 public:
  // Both outlive the heartbeat. The timer keeps the loop alive: a loop without a referenced handle
  // does not poll.
  Heartbeat(uv_loop_t* loop, WorkerBlock& block);

 private:
  void beat();
  WorkerBlock& block_;
  UvHandle<uv_timer_t> timer_;
};

}  // namespace tricorn
