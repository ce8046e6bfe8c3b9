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
  EXPECT_EQ(h.send(ReloadRequested{}).actions(), "zygote 4, stop zygote 3")
      << "before it was ready";
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
  EXPECT_EQ(h.boot_fails(4).actions(), "zygote 3, spawn 5 in 0 of 1, stop zygote 2");
}

// --- an app that does not start at all

class PolicyFirstSave : public testing::Test {
 protected:
  PolicyFirstSave() { h.order_all().fork(2).boot_fails(1, "SyntaxError").exit(1, 4); }
  PolicyHarness h{{.workers = 2, .waits_for_repair = true}};
};

TEST_F(PolicyFirstSave, IsWaitedFor) {
  EXPECT_EQ(h.actions(), "zygote 1, spawn 1 in 0 of 1, spawn 2 in 1 of 1, quit 2, stop zygote 1");
  ASSERT_EQ(h.lines(LogLevel::kError).size(), 1u);
  EXPECT_EQ(h.lines(LogLevel::kError)[0],
            "worker 0 (pid 101) could not start the app; waiting for a change\nSyntaxError");
  h.exit(2).send(ZygoteExited{1, {}});
  EXPECT_EQ(h.pass(1h).actions(), "");
  EXPECT_EQ(h.send(ReloadRequested{}).zygote_ready(2).actions(),
            "zygote 2, spawn 3 in 0 of 2, spawn 4 in 1 of 2");
  EXPECT_EQ(h.up(3).up(4).actions(), "listen");
  EXPECT_TRUE(h.logged("ready: 2 workers"));
  EXPECT_FALSE(h.policy().rolling());
}

TEST_F(PolicyFirstSave, MayBeBrokenAgain) {
  h.exit(2).send(ReloadRequested{}).zygote_ready(2).boot_fails(3).exit(3, 4).exit(4).forget();
  EXPECT_EQ(h.send(ReloadRequested{}).actions(), "zygote 3");
}

TEST_F(PolicyFirstSave, StopsWhileItWaits) {
  h.exit(2).send(ZygoteExited{1, {}}).forget();
  EXPECT_EQ(h.send(StopRequested{.signal = 15}).actions(), "unlisten, exit 0");
}

TEST_F(PolicyFirstSave, TellsWhoAskedForItsRepairHowItEnds) {
  EXPECT_EQ(h.policy().next_reload(), 2u);
  h.exit(2).send(ReloadRequested{}).zygote_ready(2).boot_fails(3, "NameError");
  EXPECT_EQ(h.last_rollout().traceback, "NameError");
  EXPECT_EQ(h.rollouts(), "2 aborted");
  EXPECT_EQ(h.policy().next_reload(), 3u);
  h.exit(3, 4).exit(4).send(ReloadRequested{}).zygote_ready(3).up(5);
  EXPECT_EQ(h.rollouts(), "3 completed");
  EXPECT_EQ(h.pass(1h).rollouts(), "") << "once";
}

TEST(PolicyFirstBoot, AChangeDuringItIsTriedAtOnceWhenItFails) {
  PolicyHarness h{{.workers = 1, .waits_for_repair = true}};
  h.order_all().send(ReloadRequested{}).forget();
  EXPECT_EQ(h.boot_fails(1).actions(), "zygote 2, stop zygote 1");
}

TEST(PolicyFirstBoot, IsBegunAnewByANewerSave) {
  PolicyHarness h{{.workers = 1, .waits_for_repair = true, .newest_reload_wins = true}};
  h.order_all().fork(1).forget();
  EXPECT_EQ(h.send(ReloadRequested{}).actions(), "quit 1, zygote 2, stop zygote 1");
  EXPECT_EQ(h.zygote_ready(2).actions(), "spawn 2 in 0 of 2");
  EXPECT_EQ(h.up(2).actions(), "listen");
}

TEST(PolicyFirstBoot, AZygoteThatCannotRunIsNotTheAppsFault) {
  PolicyHarness h{{.workers = 1, .waits_for_repair = true}};
  h.send(Started{}).forget();
  EXPECT_EQ(h.send(ZygoteExited{1, {.code = 1}}).actions(), "unlisten, exit 1");
}

}  // namespace
}  // namespace tricorn
