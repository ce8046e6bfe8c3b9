// HeartbeatWatch: which workers have not turned their loop for too long. Pure: time and beats are
// arguments.
#pragma once

#include <span>
#include <vector>

#include "common/clock.h"
#include "common/silence.h"
#include "supervisor/policy/policy_types.h"

namespace tricorn {

struct Heartbeat {
  WorkerId worker = 0;
  TimePoint at;
};

class HeartbeatWatch {
 public:
  // Zero: no limit, and nothing to check.
  explicit HeartbeatWatch(Duration limit) : limit_(limit), meter_(limit / 8) {}

  bool active() const { return limit_ > Duration::zero(); }
  // To be called every period().
  std::vector<WorkerHung> check(TimePoint now, std::span<const Heartbeat> beats);
  Duration period() const { return meter_.period(); }

 private:
  Duration limit_;
  SilenceMeter meter_;
};

}  // namespace tricorn
