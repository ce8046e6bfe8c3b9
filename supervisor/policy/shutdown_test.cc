// Levels and exit codes, as a table.
#include "supervisor/policy/shutdown.h"

#include <gtest/gtest.h>

#include <csignal>

namespace tricorn {
namespace {

struct Case {
  std::vector<StopRequested> requests;
  bool forced;
  StopLevel level;
  int code;
};

TEST(Shutdown, EscalatesAndNamesTheCode) {
  const StopRequested term{.signal = SIGTERM};
  const StopRequested interrupt{.signal = SIGINT};
  const StopRequested quit{.fast = true, .signal = SIGQUIT};
  const Case cases[] = {
      {{}, false, StopLevel::kNone, 0},
      {{term}, false, StopLevel::kDrain, 0},
      {{term}, true, StopLevel::kDrain, 1},
      {{quit}, false, StopLevel::kFast, 0},
      {{quit}, true, StopLevel::kFast, 1},
      {{term, term}, true, StopLevel::kFast, 143},
      {{term, interrupt}, false, StopLevel::kFast, 130},
      {{quit, term}, false, StopLevel::kFast, 143},
      {{term, interrupt, term}, true, StopLevel::kKill, 130},
  };
  for (const Case& one : cases) {
    Shutdown shutdown;
    for (const StopRequested& request : one.requests) shutdown.request(request, {});
    if (one.forced) shutdown.forced();
    EXPECT_EQ(shutdown.level(), one.level);
    EXPECT_EQ(shutdown.exit_code(), one.code);
  }
}

// The old master's stop hurries a new one that was leaving clients to it; so does a signal, which
// is the first one then.
TEST(Shutdown, AnotherMastersRequestIsNoSignal) {
  for (const StopRequested& next : {StopRequested{}, StopRequested{.signal = SIGTERM}}) {
    Shutdown shutdown;
    shutdown.request({.replaced = true}, {});
    EXPECT_EQ(shutdown.drain_mode(), DrainMode::kRetire);
    shutdown.request({.replaced = true}, {});
    EXPECT_EQ(shutdown.drain_mode(), DrainMode::kRetire);
    shutdown.request(next, {});
    EXPECT_EQ(shutdown.drain_mode(), DrainMode::kStop);
    EXPECT_EQ(shutdown.level(), StopLevel::kDrain);
    shutdown.request({.replaced = true}, {});
    EXPECT_EQ(shutdown.drain_mode(), DrainMode::kStop) << "not back";
    EXPECT_EQ(shutdown.exit_code(), 0);
  }
}

TEST(Shutdown, ADelayGoesBeforeTheDrain) {
  const TimePoint now(std::chrono::hours(1));
  const Duration delay = std::chrono::seconds(5);
  Shutdown shutdown;
  EXPECT_FALSE(shutdown.end_delay(now));
  shutdown.request({.signal = SIGTERM}, now, delay);
  EXPECT_EQ(shutdown.level(), StopLevel::kDelay);
  EXPECT_EQ(shutdown.delay_ends_at(), now + delay);
  EXPECT_FALSE(shutdown.end_delay(now + delay - Duration(1)));
  EXPECT_TRUE(shutdown.end_delay(now + delay));
  EXPECT_EQ(shutdown.level(), StopLevel::kDrain);
  EXPECT_FALSE(shutdown.end_delay(now + delay));
  EXPECT_EQ(shutdown.exit_code(), 0);
  shutdown.request({.signal = SIGTERM}, now + delay, delay);
  EXPECT_EQ(shutdown.level(), StopLevel::kFast);
  EXPECT_EQ(shutdown.exit_code(), 143);
}

TEST(Shutdown, ASecondRequestCutsTheDelayShortAndIsNoRepetition) {
  const Duration delay = std::chrono::seconds(5);
  Shutdown shutdown;
  shutdown.request({.signal = SIGTERM}, {}, delay);
  shutdown.request({.signal = SIGTERM}, {}, delay);
  EXPECT_EQ(shutdown.level(), StopLevel::kDrain);
  EXPECT_EQ(shutdown.exit_code(), 0);
  EXPECT_FALSE(shutdown.delay_ends_at().has_value());
}

TEST(Shutdown, AFastRequestKnowsNoDelay) {
  const Duration delay = std::chrono::seconds(5);
  Shutdown shutdown;
  shutdown.request({.signal = SIGTERM}, {}, delay);
  shutdown.request({.fast = true, .signal = SIGQUIT}, {}, delay);
  EXPECT_EQ(shutdown.level(), StopLevel::kFast);
  Shutdown at_once;
  at_once.request({.fast = true, .signal = SIGQUIT}, {}, delay);
  EXPECT_EQ(at_once.level(), StopLevel::kFast);
}

TEST(Shutdown, FailedBootIsFastAndKeepsItsCode) {
  Shutdown shutdown;
  shutdown.boot_failed(4);
  EXPECT_EQ(shutdown.level(), StopLevel::kFast);
  shutdown.request({.signal = SIGTERM}, {});
  shutdown.request({.signal = SIGTERM}, {});
  EXPECT_EQ(shutdown.level(), StopLevel::kFast);
  EXPECT_EQ(shutdown.exit_code(), 4);
}

TEST(Shutdown, ACrashThatIsToEndTheServerDrainsAndGivesItsCode) {
  Shutdown shutdown;
  shutdown.worker_crashed(137);
  EXPECT_EQ(shutdown.level(), StopLevel::kDrain);
  shutdown.worker_crashed(139);
  shutdown.request({.fast = true, .signal = 3}, TimePoint{});
  shutdown.forced();
  EXPECT_EQ(shutdown.level(), StopLevel::kFast);
  EXPECT_EQ(shutdown.exit_code(), 137) << "the first one's";
}

}  // namespace
}  // namespace tricorn
