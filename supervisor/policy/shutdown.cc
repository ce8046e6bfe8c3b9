// Escalation, and the exit code it leaves.
#include "supervisor/policy/shutdown.h"

#include <algorithm>

namespace tricorn {

std::string describe(StopLevel level) {
  switch (level) {
    case StopLevel::kNone:
      return "serving";
    case StopLevel::kDelay:
      return "stopping after --shutdown-delay: serving goes on until then";
    case StopLevel::kDrain:
      return "stopping: requests in progress may end";
    case StopLevel::kFast:
      return "stopping fast: requests in progress are cut off";
    case StopLevel::kKill:
      return "stopping: killing what is left";
  }
  return {};
}

void Shutdown::request(const StopRequested& request, TimePoint now, Duration delay) {
  if (level_ == StopLevel::kNone && !request.fast && delay > Duration::zero()) {
    level_ = StopLevel::kDelay;
    delay_ends_at_ = now + delay;
    return;
  }
  const bool begins = level_ == StopLevel::kNone || level_ == StopLevel::kDelay;
  replaced_ = request.replaced && (begins || replaced_);
  if (request.signal != 0) ++requests_;
  StopLevel asked = StopLevel::kDrain;
  if (request.fast || requests_ == 2) asked = StopLevel::kFast;
  if (requests_ >= 3) asked = StopLevel::kKill;
  level_ = std::max(level_, asked);
  if (requests_ >= 2 && repeated_signal_ == 0) repeated_signal_ = request.signal;
}

bool Shutdown::end_delay(TimePoint now) {
  if (level_ != StopLevel::kDelay || now < delay_ends_at_) return false;
  requests_ = 1;
  level_ = StopLevel::kDrain;
  return true;
}

std::optional<TimePoint> Shutdown::delay_ends_at() const {
  if (level_ != StopLevel::kDelay) return std::nullopt;
  return delay_ends_at_;
}

void Shutdown::boot_failed(int code) {
  level_ = std::max(level_, StopLevel::kFast);
  if (failure_code_ == 0) failure_code_ = code;
}

void Shutdown::worker_crashed(int code) {
  level_ = std::max(level_, StopLevel::kDrain);
  if (failure_code_ == 0) failure_code_ = code;
}

int Shutdown::exit_code() const {
  if (failure_code_ != 0) return failure_code_;
  if (repeated_signal_ != 0) return 128 + repeated_signal_;
  return forced_ ? kExitFailure : kExitOk;
}

}  // namespace tricorn
