// Silence, and silence that is our own fault.
#include "supervisor/heartbeat_watch.h"

#include <gtest/gtest.h>

#include <array>

namespace tricorn {
namespace {

constexpr Duration kLimit = std::chrono::seconds(8);
const TimePoint kStart{std::chrono::hours(1)};

// Checks every period from `from` to `to`; the last answer.
std::vector<WorkerHung> watch(HeartbeatWatch& watch, TimePoint from, TimePoint to,
                              std::span<const Heartbeat> beats) {
  std::vector<WorkerHung> hung;
  for (TimePoint now = from; now <= to; now += watch.period()) hung = watch.check(now, beats);
  return hung;
}

TEST(HeartbeatWatch, ReportsOnlyTheSilentWorkerAndForHowLong) {
  HeartbeatWatch watch_8s(kLimit);
  std::array beats{Heartbeat{1, kStart}, Heartbeat{2, kStart + kLimit}};
  EXPECT_TRUE(watch(watch_8s, kStart, kStart + kLimit, beats).empty());
  auto hung = watch(watch_8s, kStart + kLimit, kStart + kLimit + watch_8s.period(), beats);
  ASSERT_EQ(hung.size(), 1u);
  EXPECT_EQ(hung[0].worker, 1u);
  EXPECT_EQ(hung[0].silent_for, kLimit + watch_8s.period());
}

TEST(HeartbeatWatch, SuspendedMachineIsNotTheWorkersFault) {
  HeartbeatWatch watch_8s(kLimit);
  std::array beats{Heartbeat{1, kStart}};
  ASSERT_TRUE(watch_8s.check(kStart, beats).empty());
  TimePoint resumed = kStart + std::chrono::hours(1);
  EXPECT_TRUE(watch_8s.check(resumed, beats).empty());
  EXPECT_TRUE(watch(watch_8s, resumed, resumed + kLimit, beats).empty());
  EXPECT_EQ(watch(watch_8s, resumed + kLimit, resumed + kLimit + watch_8s.period(), beats).size(),
            1u);
}

TEST(HeartbeatWatch, AStopBeforeTheFirstLookIsNotTheWorkersFaultEither) {
  HeartbeatWatch watch_8s(kLimit);
  std::array beats{Heartbeat{1, kStart}};
  const TimePoint resumed = kStart + 5 * kLimit;
  EXPECT_TRUE(watch(watch_8s, resumed, resumed + kLimit, beats).empty());
  EXPECT_EQ(watch(watch_8s, resumed + kLimit, resumed + kLimit + watch_8s.period(), beats).size(),
            1u);
}

}  // namespace
}  // namespace tricorn
