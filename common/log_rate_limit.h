// LogRateLimit: at most 6 lines in any 60 seconds, so that a crash loop, or a scanner, does not
// fill a disk. PURE.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "common/clock.h"

namespace tricorn {

class LogRateLimit {
 public:
  static constexpr size_t kLines = 6;
  static constexpr Duration kWindow = std::chrono::seconds(60);

  // nullopt: leave this line out. Else how many were left out since the last one that was let
  // through.
  std::optional<size_t> admit(TimePoint now);

 private:
  std::array<std::optional<TimePoint>, kLines> admitted_;  // a ring of the last times
  size_t oldest_ = 0;
  size_t left_out_ = 0;
};

}  // namespace tricorn
