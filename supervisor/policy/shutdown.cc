// Escalation, and the exit code it leaves.
#include "supervisor/policy/shutdown.h"

#include <algorithm>

namespace tricorn {

void Shutdown::request(const StopRequested& request) {
  ++requests_;
  StopLevel asked = StopLevel::kDrain;
  if (request.fast || requests_ == 2) asked = StopLevel::kFast;
  if (requests_ >= 3) asked = StopLevel::kKill;
  level_ = std::max(level_, asked);
  if (requests_ >= 2 && repeated_signal_ == 0) repeated_signal_ = request.signal;
}

void Shutdown::boot_failed(int code) {
  level_ = std::max(level_, StopLevel::kFast);
  boot_failure_code_ = code;
}

int Shutdown::exit_code() const {
  if (boot_failure_code_ != 0) return boot_failure_code_;
  if (repeated_signal_ != 0) return 128 + repeated_signal_;
  return forced_ ? kExitFailure : kExitOk;
}

}  // namespace tricorn
