// ReloadDebounce: makes one reload of many changes that come together, as from an editor or `git
// checkout`. Pure: time is an argument.
#pragma once

#include <optional>
#include <string>

#include "common/clock.h"

namespace tricorn {

// What led to a reload.
struct ReloadCause {
  std::string path;     // of the first change
  bool others = false;  // other files changed, too
};

class ReloadDebounce {
 public:
  // Due when nothing has changed for `delay`, or 20 times `delay` after the first change: somebody
  // who writes all the time does not hold it up.
  explicit ReloadDebounce(Duration delay) : delay_(delay) {}

  void changed(TimePoint now, const std::string& path);
  std::optional<TimePoint> due() const;
  // What has changed, once it is due: then forgotten.
  std::optional<ReloadCause> take(TimePoint now);

 private:
  Duration delay_;
  std::optional<ReloadCause> cause_;
  TimePoint first_{};
  TimePoint last_{};
};

}  // namespace tricorn
