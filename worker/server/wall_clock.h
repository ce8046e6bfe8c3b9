// WallClock: the time of day as texts, made once per second at most and only when somebody is
// served: no timer wakes an idle worker for it.
#pragma once

#include <ctime>
#include <string>

#include "common/clock.h"

namespace tricorn {

std::string http_date(std::time_t time);     // RFC 9110 5.6.7: "Sun, 22 Nov 2026 12:00:00 GMT"
std::string rfc3339_time(std::time_t time);  // "2026-11-22T12:00:00Z"
std::string clf_time(std::time_t time);      // "[22/Nov/2026:13:00:00 +0100]": local, as Apache's

class WallClock {
 public:
  // `now`: the loop's monotonic time. A comparison, unless a second has passed.
  void refresh(TimePoint now) {
    if (now >= next_second_) read_clock(now);
  }
  const std::string& http() const { return http_; }
  const std::string& rfc3339() const { return rfc3339_; }
  const std::string& clf() const { return clf_; }

 private:
  void read_clock(TimePoint now);
  TimePoint next_second_ = TimePoint::min();
  std::string http_;
  std::string rfc3339_;
  std::string clf_;
};

}  // namespace tricorn
