// A silence is measured from the last beat, or from our own waking up if that was later.
#include "supervisor/heartbeat_watch.h"

#include <algorithm>

namespace tricorn {

std::vector<WorkerHung> HeartbeatWatch::check(TimePoint now, std::span<const Heartbeat> beats) {
  bool overslept = last_check_ && now - *last_check_ > 2 * period();
  if (overslept) awake_since_ = now;
  last_check_ = now;
  std::vector<WorkerHung> hung;
  for (const Heartbeat& beat : beats) {
    Duration silence = now - std::max(beat.at, awake_since_);
    if (silence > limit_) hung.push_back({.worker = beat.worker, .silent_for = silence});
  }
  return hung;
}

}  // namespace tricorn
