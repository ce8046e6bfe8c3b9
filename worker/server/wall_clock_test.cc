// Dates as text, and how seldom they are made.
#include "worker/server/wall_clock.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(WallClock, WritesBothForms) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110's own example
  EXPECT_EQ(rfc3339_time(784111777), "1994-11-06T08:49:37Z");
  EXPECT_EQ(http_date(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(WallClock, KeepsItsTextWithinASecond) {
  WallClock clock;
  const TimePoint start{std::chrono::hours(1)};
  clock.refresh(start);
  ASSERT_EQ(clock.http().size(), 29u);
  const std::string first = clock.http();
  clock.refresh(start - std::chrono::seconds(1));
  EXPECT_EQ(clock.http(), first);
}

}  // namespace
}  // namespace tricorn
