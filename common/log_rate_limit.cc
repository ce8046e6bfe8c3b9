// A sliding window over the times of the last lines.
#include "common/log_rate_limit.h"

#include <utility>

namespace tricorn {

std::optional<size_t> LogRateLimit::admit(TimePoint now) {
  std::optional<TimePoint>& oldest = admitted_[oldest_];
  if (oldest && now - *oldest < kWindow) {
    ++left_out_;
    return std::nullopt;
  }
  oldest = now;
  oldest_ = (oldest_ + 1) % kLines;
  return std::exchange(left_out_, 0);
}

}  // namespace tricorn
