// Delays: the doubling, the free first crash, the reset, the jitter.
#include "supervisor/policy/restart_backoff.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

using namespace std::chrono_literals;

class RestartBackoffTest : public testing::Test {
 protected:
  Duration next(Duration ready_for) { return backoff.next_delay(options, ready_for, jitter); }
  PolicyOptions options{.backoff_jitter = 0};
  Jitter jitter{1};
  RestartBackoff backoff;
};

TEST_F(RestartBackoffTest, DoublesFromTheFirstToTheLargest) {
  Duration expected = 100ms;
  for (int i = 0; i < 9; ++i, expected *= 2) EXPECT_EQ(next(0s), expected);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(next(0s), 30s);
}

TEST_F(RestartBackoffTest, FirstCrashOfASettledOneIsFree) {
  EXPECT_EQ(next(1s), 0s);
  EXPECT_FALSE(backoff.looping());
  EXPECT_EQ(next(1s), 100ms);
  EXPECT_TRUE(backoff.looping());
  EXPECT_EQ(next(59s), 200ms);
}

TEST_F(RestartBackoffTest, YoungCrashIsNotFreeNorTheNextOne) {
  EXPECT_EQ(next(999ms), 100ms);
  EXPECT_FALSE(backoff.looping()) << "a first one is always told";
  EXPECT_EQ(next(2s), 200ms);
}

TEST_F(RestartBackoffTest, StartsOverAfterALongLife) {
  for (int i = 0; i < 20; ++i) next(0s);
  EXPECT_EQ(next(60s), 0s);
  EXPECT_EQ(next(0s), 100ms);
}

TEST_F(RestartBackoffTest, JitterStaysInItsShareAndRepeatsWithTheSeed) {
  options.backoff_jitter = 0.2;
  Jitter same{1};
  bool spread = false;
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = jitter.spread(1s, 0.2);
    EXPECT_GE(delay, 800ms);
    EXPECT_LE(delay, 1200ms);
    EXPECT_EQ(delay, same.spread(1s, 0.2));
    spread = spread || delay < 900ms;
  }
  EXPECT_TRUE(spread);
}

}  // namespace
}  // namespace tricorn
