// WorkerSlot: a stable place 0..N-1 that one worker serves. Motion: the one slot whose worker is
// being replaced.
#pragma once

#include <optional>

#include "supervisor/policy/restart_backoff.h"

namespace tricorn {

struct WorkerSlot {
  std::optional<WorkerId> current;  // booting or ready: a worker that leaves is in no slot
  TimePoint respawn_at{};           // an empty slot is filled no earlier
  TimePoint replace_at{};           // the next attempt to replace `current` is made no earlier
  RestartBackoff backoff;
  bool rolled = false;         // the reload in progress has reached this slot
  bool spawn_failing = false;  // the last fork failed: said once
};

// A replacement boots beside the old worker and takes over when it is ready. At most one exists,
// whatever the reason.
struct Motion {
  SlotId slot = 0;
  WorkerId replacement = 0;
  std::optional<TimePoint> takes_over_at;  // once it is ready
};

}  // namespace tricorn
