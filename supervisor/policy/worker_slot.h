// WorkerSlot: a stable place 0..N-1 that one worker serves. Motion: the replacement of a slot's
// worker, under way.
#pragma once

#include <optional>

#include "supervisor/policy/policy.h"
#include "supervisor/policy/restart_backoff.h"

namespace tricorn {

// A replacement boots beside the old worker and takes over when it is ready.
struct Motion {
  WorkerId replacement = 0;
  std::optional<TimePoint> takes_over_at;  // once it is ready
};

struct WorkerSlot {
  std::optional<WorkerId> current;  // booting or ready: a worker that leaves is in no slot
  std::optional<Motion> motion;     // at most PolicyOptions::max_surge slots have one
  TimePoint respawn_at{};           // an empty slot is filled no earlier
  TimePoint replace_at{};           // the next attempt to replace `current` is made no earlier
  RestartBackoff backoff;
  SlotHistory history;
  bool rolled = false;         // the reload in progress has reached this slot
  bool spawn_failing = false;  // the last fork failed: said once
};

}  // namespace tricorn
