// SilenceMeter: for how long a heartbeat has been missing. Time in which the watcher itself did not
// run (a suspended machine, a stopped process group) says nothing and does not count. PURE.
#pragma once

#include <algorithm>
#include <optional>

#include "common/clock.h"

namespace tricorn {

class SilenceMeter {
 public:
  explicit SilenceMeter(Duration period) : period_(period) {}

  Duration period() const { return period_; }
  // To be called every period(), before silence(). Before the first call nobody was awake: a stop
  // of all that comes in between would not be seen.
  void wake(TimePoint now) {
    const bool overslept = !last_wake_ || now - *last_wake_ > 2 * period_;
    if (overslept) awake_since_ = now;
    last_wake_ = now;
  }
  // Since the last beat, or since we woke up if that was later.
  Duration silence(TimePoint now, TimePoint beat) const {
    return now - std::max(beat, awake_since_);
  }

 private:
  Duration period_;
  std::optional<TimePoint> last_wake_;
  TimePoint awake_since_{};
};

}  // namespace tricorn
