// HangWatch: when a loop that does not turn is to be told about, well before the master aborts its
// worker. Pure: time and the last beat are arguments.
#pragma once

#include <optional>

#include "common/clock.h"
#include "common/silence.h"

namespace tricorn {

class HangWatch {
 public:
  struct Look {
    std::optional<Duration> stuck_for;  // to be told now: once for each hang
    Duration next_in{};                 // the next look
  };

  // `limit`: the master's.
  explicit HangWatch(Duration limit) : tell_after_(limit * 4 / 5), meter_(limit / 8) {}

  Look look(TimePoint now, TimePoint beat);

 private:
  Duration tell_after_;
  SilenceMeter meter_;
  std::optional<TimePoint> told_of_;  // the beat that no other has followed
};

}  // namespace tricorn
