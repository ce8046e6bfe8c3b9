// RestartBackoff: how long to wait before something that died is started again.
#pragma once

#include <cstdint>
#include <random>

#include "common/clock.h"
#include "supervisor/policy/policy.h"

namespace tricorn {

// Spreads delays, so that slots which failed together do not come back together. Seeded: tests see
// the same delays.
class Jitter {
 public:
  explicit Jitter(uint64_t seed) : random_(seed) {}
  // `delay` times a factor between 1 - share and 1 + share.
  Duration spread(Duration delay, double share);

 private:
  std::mt19937_64 random_;
};

// One slot's (or zygote's) memory of its failures. The first crash of one that had settled costs
// nothing; every further one waits twice as long as the last, until one has been ready for
// `backoff_reset_after`.
class RestartBackoff {
 public:
  // One died after `ready_for` (zero: it never was ready). Returns the delay before its successor.
  Duration next_delay(const PolicyOptions& options, Duration ready_for, Jitter& jitter);
  // It is not the first one: log lines count against the rate limit.
  bool looping() const { return deaths_ > 1; }

 private:
  uint32_t deaths_ = 0;  // since the last reset
  bool free_restart_used_ = false;
  uint32_t delays_ = 0;  // delays given since the last reset
};

}  // namespace tricorn
