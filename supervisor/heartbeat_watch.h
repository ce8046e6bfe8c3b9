// HeartbeatWatch: which workers have not turned their loop for too long. Pure: time and beats are
// arguments.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "common/clock.h"
#include "supervisor/policy/policy_types.h"

namespace tricorn {

struct Heartbeat {
  WorkerId worker = 0;
  TimePoint at;
};

class HeartbeatWatch {
 public:
  explicit HeartbeatWatch(Duration limit) : limit_(limit) {}

  // To be called every period(). Silence while this process did not run either (a suspended
  // machine, a stopped process group) does not count.
  std::vector<WorkerHung> check(TimePoint now, std::span<const Heartbeat> beats);
  Duration period() const { return limit_ / 8; }

 private:
  Duration limit_;
  std::optional<TimePoint> last_check_;
  TimePoint awake_since_{};
};

}  // namespace tricorn
