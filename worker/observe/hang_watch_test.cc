// A hang is told once, at four fifths of the limit, and never because we were stopped ourselves.
#include "worker/observe/hang_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace tricorn {
namespace {

constexpr Duration kLimit = std::chrono::seconds(10);
constexpr Duration kInterval = milliseconds(500);
const TimePoint kStart{std::chrono::hours(1)};

// Looks as the thread does, until `end`; what was told, in milliseconds of silence.
class Looker {
 public:
  template <class BeatAt>
  std::vector<int64_t> look_until(TimePoint end, BeatAt beat_at) {
    std::vector<int64_t> told;
    for (; now <= end; ++looks) {
      auto look = watch.look(now, beat_at(now));
      if (look.stuck_for) {
        told.push_back(
            std::chrono::duration_cast<std::chrono::milliseconds>(*look.stuck_for).count());
      }
      EXPECT_GT(look.next_in, Duration::zero());
      now += look.next_in;
    }
    return told;
  }
  HangWatch watch{kLimit};
  TimePoint now = kStart;
  int looks = 0;
};

TimePoint last_beat(TimePoint now) { return now - (now - kStart) % kInterval; }

TEST(HangWatch, ALoopThatTurnsIsLookedAtEightTimesALimit) {
  Looker looker;
  EXPECT_TRUE(looker.look_until(kStart + 10 * kLimit, last_beat).empty());
  EXPECT_LE(looker.looks, 81);
}

TEST(HangWatch, AHangIsToldOnceAtFourFifthsOfTheLimit) {
  Looker looker;
  auto stuck = [](TimePoint) { return kStart; };
  EXPECT_EQ(looker.look_until(kStart + 3 * kLimit, stuck), std::vector<int64_t>{8'000});
}

TEST(HangWatch, TheNextHangIsToldAgain) {
  Looker looker;
  auto twice = [](TimePoint now) { return now < kStart + kLimit ? kStart : kStart + kLimit; };
  EXPECT_EQ(looker.look_until(kStart + 2 * kLimit, twice), (std::vector<int64_t>{8'000, 8'000}));
}

TEST(HangWatch, TimeInWhichTheProcessWasStoppedDoesNotCount) {
  Looker looker;
  EXPECT_TRUE(looker.look_until(kStart + milliseconds(1'000), last_beat).empty());
  const TimePoint resumed = looker.now += 5 * kLimit;
  auto stopped = [&](TimePoint now) { return now <= resumed ? kStart : last_beat(now); };
  EXPECT_TRUE(looker.look_until(resumed + kLimit, stopped).empty());
}

TEST(HangWatch, AHangAfterAStopIsMeasuredFromItsEnd) {
  Looker looker;
  EXPECT_TRUE(looker.look_until(kStart, last_beat).empty());
  looker.now += 5 * kLimit;
  auto stuck = [](TimePoint) { return kStart; };
  EXPECT_EQ(looker.look_until(looker.now + kLimit, stuck), std::vector<int64_t>{8'000});
}

}  // namespace
}  // namespace tricorn
