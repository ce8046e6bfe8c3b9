// Reloads as --reload wants them: at once, and of the newest code only.
#include <gtest/gtest.h>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;

class PolicyDesk : public testing::Test {
 protected:
  PolicyDesk() { h.boot().send(ReloadRequested{}).zygote_ready(2).forget(); }
  PolicyHarness h{{.workers = 2,
                   .canary_window = 0ms,
                   .newest_reload_wins = true,
                   .retire_mode = DrainMode::kStop}};
};

TEST_F(PolicyDesk, TheNewWorkerTakesOverAtOnce) {
  EXPECT_EQ(h.up(3).actions(), "drain 1, spawn 4 in 1 of 2");
  EXPECT_EQ(h.up(4).actions(), "drain 2, stop zygote 1");
  EXPECT_EQ(h.roster(), "D1 D1 R2 R2");
}

TEST_F(PolicyDesk, ANewerSaveReplacesOneThatIsOnItsWay) {
  h.fork(3);  // and hangs in its import
  EXPECT_EQ(h.send(ReloadRequested{}).actions(), "quit 3, zygote 3, stop zygote 2");
  EXPECT_EQ(h.send(ReloadRequested{}).actions(), "zygote 4, stop zygote 3") << "before it was ready";
  EXPECT_EQ(h.pass(1s).kill(3).forget().zygote_ready(4).actions(), "spawn 4 in 0 of 4");
  EXPECT_TRUE(h.lines(LogLevel::kError).empty());
  h.up(4).up(5);
  EXPECT_EQ(h.policy().serving_generation(), 4u);
  EXPECT_FALSE(h.policy().rolling());
}

TEST_F(PolicyDesk, ANewerSaveFollowsOneThatServes) {
  h.up(3).forget();
  EXPECT_EQ(h.send(ReloadRequested{}).actions(), "");
  EXPECT_EQ(h.up(4).actions(), "drain 2, zygote 3, stop zygote 1");
}

TEST_F(PolicyDesk, OneThatFailsWhileANewerSaveWaitsIsFollowedByIt) {
  h.up(3).send(ReloadRequested{}).forget();
  EXPECT_EQ(h.boot_fails(4).actions(), "zygote 3, stop zygote 2");
}

}  // namespace
}  // namespace tricorn
