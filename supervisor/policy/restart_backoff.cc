// Exponential delays with jitter.
#include "supervisor/policy/restart_backoff.h"

#include <algorithm>

namespace tricorn {

Duration Jitter::spread(Duration delay, double share) {
  std::uniform_real_distribution<double> factor(1.0 - share, 1.0 + share);
  return std::chrono::duration_cast<Duration>(delay * factor(random_));
}

Duration RestartBackoff::next_delay(const PolicyOptions& options, Duration ready_for,
                                    Jitter& jitter) {
  if (ready_for >= options.backoff_reset_after) *this = {};
  ++deaths_;
  const bool settled = ready_for > Duration::zero() && ready_for >= options.backoff_settled_after;
  if (settled && delays_ == 0 && !free_restart_used_) {
    free_restart_used_ = true;
    return Duration::zero();
  }
  Duration delay = options.backoff_first;
  for (uint32_t i = 0; i < delays_ && delay < options.backoff_max; ++i) delay *= 2;
  ++delays_;
  return jitter.spread(std::min(delay, options.backoff_max), options.backoff_jitter);
}

}  // namespace tricorn
