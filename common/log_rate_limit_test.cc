// The sliding window.
#include "common/log_rate_limit.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

using namespace std::chrono_literals;

TEST(LogRateLimit, SixInAnyMinuteAndCountsTheRest) {
  LogRateLimit limit;
  const TimePoint start{1h};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(limit.admit(start + i * 1s), 0u);
  EXPECT_EQ(limit.admit(start + 6s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 60s - 1ns), std::nullopt);
  EXPECT_EQ(limit.admit(start + 60s), 2u);
  EXPECT_EQ(limit.admit(start + 60s), std::nullopt) << "the window slides line by line";
  EXPECT_EQ(limit.admit(start + 61s), 1u);
}

}  // namespace
}  // namespace tricorn
