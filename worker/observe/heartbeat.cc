// Heartbeat: one relaxed store twice a second.
#include "worker/observe/heartbeat.h"

namespace tricorn {

Heartbeat::Heartbeat(uv_loop_t* loop, WorkerBlock& block) : block_(block) {
  constexpr auto kIntervalMs =
      std::chrono::duration_cast<std::chrono::milliseconds>(kHeartbeatInterval).count();
  timer_.open(this, [&](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
  auto on_timer = [](uv_timer_t* timer) noexcept {
    if (timer->data != nullptr) static_cast<Heartbeat*>(timer->data)->beat();
  };
  uv_timer_start(timer_.get(), on_timer, kIntervalMs, kIntervalMs);
  beat();
}

void Heartbeat::beat() {
  auto now = monotonic_now().time_since_epoch();
  block_.heartbeat_ns.store(static_cast<uint64_t>(now.count()), std::memory_order_relaxed);
}

}  // namespace tricorn
