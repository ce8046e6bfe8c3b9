// Quiet for long enough, or waited for long enough.
#include "supervisor/policy/reload_debounce.h"

#include <algorithm>
#include <utility>

namespace tricorn {
namespace {

constexpr int kMostDelays = 20;

}  // namespace

void ReloadDebounce::changed(TimePoint now, const std::string& path) {
  last_ = now;
  if (cause_) {
    cause_->others = cause_->others || cause_->path != path;
  } else {
    cause_ = ReloadCause{.path = path};
    first_ = now;
  }
}

std::optional<TimePoint> ReloadDebounce::due() const {
  if (!cause_) return std::nullopt;
  return std::min(last_ + delay_, first_ + kMostDelays * delay_);
}

std::optional<ReloadCause> ReloadDebounce::take(TimePoint now) {
  if (!cause_ || now < *due()) return std::nullopt;
  return std::exchange(cause_, std::nullopt);
}

}  // namespace tricorn
