// The silence of each, against the limit.
#include "supervisor/heartbeat_watch.h"

namespace tricorn {

std::vector<WorkerHung> HeartbeatWatch::check(TimePoint now, std::span<const Heartbeat> beats) {
  meter_.wake(now);
  std::vector<WorkerHung> hung;
  for (const Heartbeat& beat : beats) {
    const Duration silence = meter_.silence(now, beat.at);
    if (silence > limit_) hung.push_back({.worker = beat.worker, .silent_for = silence});
  }
  return hung;
}

}  // namespace tricorn
