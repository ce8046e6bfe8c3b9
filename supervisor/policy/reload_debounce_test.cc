// When a reload is due: after a quiet delay, or after a long one that is not quiet.
#include "supervisor/policy/reload_debounce.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

using namespace std::chrono_literals;

class ReloadDebounceTest : public testing::Test {
 protected:
  TimePoint now{1h};
  ReloadDebounce debounce{100ms};
};

TEST_F(ReloadDebounceTest, NothingIsDueBeforeAChange) {
  EXPECT_FALSE(debounce.due().has_value());
  EXPECT_FALSE(debounce.take(now + 1h).has_value());
}

TEST_F(ReloadDebounceTest, IsDueOnceAfterAQuietDelay) {
  debounce.changed(now, "a.py");
  EXPECT_EQ(debounce.due(), now + 100ms);
  EXPECT_FALSE(debounce.take(now + 100ms - 1ns).has_value());
  auto cause = debounce.take(now + 100ms);
  ASSERT_TRUE(cause.has_value());
  EXPECT_EQ(cause->path, "a.py");
  EXPECT_FALSE(cause->others);
  EXPECT_FALSE(debounce.due().has_value());
}

TEST_F(ReloadDebounceTest, ABurstIsOneReload) {
  for (int i = 0; i < 500; ++i) debounce.changed(now += 1ms, "f" + std::to_string(i));
  EXPECT_EQ(debounce.due(), now + 100ms);
  EXPECT_TRUE(debounce.take(now + 100ms)->others);
}

TEST_F(ReloadDebounceTest, TheSameFileAgainIsNoOther) {
  debounce.changed(now, "a.py");
  debounce.changed(now + 10ms, "a.py");
  EXPECT_FALSE(debounce.take(now + 1s)->others);
}

TEST_F(ReloadDebounceTest, SomebodyWhoNeverRestsDoesNotHoldItUp) {
  const TimePoint first = now;
  int reloads = 0;
  for (; now < first + 6s; now += 50ms) {
    debounce.changed(now, "log.py");
    if (debounce.take(now)) ++reloads;
  }
  EXPECT_EQ(reloads, 2) << "after 2 s each";
}

TEST_F(ReloadDebounceTest, WithoutADelayItIsDueAtOnce) {
  ReloadDebounce at_once{0ms};
  at_once.changed(now, "a.py");
  EXPECT_TRUE(at_once.take(now).has_value());
}

}  // namespace
}  // namespace tricorn
