// Reloads: success, every way to fail, and what happens beside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

// Three settled workers (1, 2, 3), zygote 2 ready, worker 4 ordered beside worker 1.
class PolicyReload : public testing::Test {
 protected:
  PolicyReload() {
    h.boot().send(ReloadRequested{}).zygote_ready(2);
    EXPECT_EQ(h.actions(), "zygote 2, spawn 4 in 0 of 2");
    h.forget();
  }
  PolicyHarness h{{.workers = 3, .boot_timeout = 3s, .drain_timeout = 5s, .backoff_jitter = 0}};
};

TEST_F(PolicyReload, ReplacesSlotBySlotWithoutWaitingForDrains) {  // faults 11 and 17
  EXPECT_EQ(h.up(4).pass(1s - 1ns).actions(), "");
  EXPECT_EQ(h.pass(1ns).actions(), "retire 1, spawn 5 in 1 of 2");
  EXPECT_EQ(h.up(5).actions(), "retire 2, spawn 6 in 2 of 2");
  EXPECT_EQ(h.up(6).actions(), "retire 3, stop zygote 1");
  EXPECT_EQ(h.policy().serving_generation(), 2u);
  EXPECT_FALSE(h.policy().rolling());
  EXPECT_EQ(h.send(ZygoteExited{1, {}}).exit(1).exit(2).exit(3).actions(), "");
  EXPECT_EQ(h.roster(), "R2 R2 R2");
  EXPECT_TRUE(h.logged("reloaded: generation 2 serves with 3 workers"));
  EXPECT_EQ(h.pass(1s).kill(5).actions(), "spawn 7 in 1 of 2");
}

TEST_F(PolicyReload, BrokenCodeKeepsAllOldWorkers) {  // fault 12
  EXPECT_EQ(h.boot_fails(4, "SyntaxError: v2").actions(), "stop zygote 2");
  EXPECT_EQ(h.exit(4, 4).send(ZygoteExited{2, {}}).pass(1h).actions(), "");
  EXPECT_EQ(h.roster(), "R1 R1 R1");
  EXPECT_THAT(h.lines(LogLevel::kWarning),
              ElementsAre("reload aborted: worker 0 (pid 104) could not start the app; "
                          "generation 1 serves on\nSyntaxError: v2"));
  EXPECT_EQ(h.send(ReloadRequested{}).zygote_ready(3).actions(), "zygote 3, spawn 5 in 0 of 3")
      << "and no backoff";
}

TEST_F(PolicyReload, HangingBootAbortsAtTheBootTimeout) {  // fault 13
  EXPECT_EQ(h.fork(4).pass(3s).actions(), "abort 4, stop zygote 2");
  EXPECT_EQ(h.pass(1s).actions(), "kill zygote 2, kill 4");
  EXPECT_EQ(h.kill(4).roster(), "R1 R1 R1");
}

TEST_F(PolicyReload, SecondCrashInTheCanaryWindowAborts) {  // fault 14
  EXPECT_EQ(h.up(4).pass(500ms).kill(4).actions(), "spawn 5 in 0 of 2");
  EXPECT_THAT(h.lines(LogLevel::kWarning),
              ElementsAre("worker 0 (pid 104) killed by signal 9 (SIGKILL); the new code is tried "
                          "once more"));
  EXPECT_EQ(h.up(5).pass(1s - 1ns).kill(5).actions(), "stop zygote 2");
  EXPECT_EQ(h.roster(), "R1 R1 R1");
  EXPECT_EQ(h.send(ReloadRequested{}).zygote_ready(3).up(6).kill(6).actions(),
            "zygote 3, spawn 6 in 0 of 3, spawn 7 in 0 of 3")
      << "each reload has its own second try";
}

TEST_F(PolicyReload, OneCrashOfTheCanaryIsForgiven) {
  h.up(4).kill(4).up(5).pass(1s).up(6).forget();
  EXPECT_EQ(h.up(7).actions(), "retire 3, stop zygote 1");
  EXPECT_EQ(h.pass(1s).kill(5).actions(), "kill zygote 1, spawn 8 in 0 of 2")
      << "and not held against its slot";
}

TEST_F(PolicyReload, CrashBesideADeadOldWorkerBringsTheOldCodeBack) {
  EXPECT_EQ(h.up(4).kill(1).actions(), "");
  EXPECT_EQ(h.kill(4).actions(), "spawn 5 in 0 of 1, spawn 6 in 0 of 2");
}

TEST_F(PolicyReload, LateFailureRollsBackWhatWasRolled) {
  h.up(4).pass(1s).up(5).forget();  // slots 0 and 1 are new
  EXPECT_EQ(h.boot_fails(6, "boom").actions(), "spawn 7 in 0 of 1, stop zygote 2");
  EXPECT_EQ(h.up(7).actions(), "retire 4, spawn 8 in 1 of 1");
  EXPECT_EQ(h.boot_fails(8).pass(100ms).actions(), "spawn 9 in 1 of 1")
      << "the way back is retried";
  EXPECT_EQ(h.up(9).actions(), "retire 5");
  EXPECT_EQ(h.policy().serving_generation(), 1u);
}

TEST_F(PolicyReload, YoungNewWorkerOfALaterSlotAbortsToo) {
  h.up(4).pass(1s).up(5).forget();
  EXPECT_EQ(h.kill(5).actions(), "spawn 7 in 1 of 2") << "once";
  EXPECT_EQ(h.up(7).kill(7).actions(), "quit 6, spawn 8 in 0 of 1");
  EXPECT_EQ(h.fork(6).actions(), "stop zygote 2") << "a zygote that owes a report is not stopped";
  EXPECT_EQ(h.pass(100ms).actions(), "spawn 9 in 1 of 1");
}

TEST_F(PolicyReload, ZygoteFailuresAbort) {
  EXPECT_EQ(h.send(ZygoteExited{2, {.signal = SIGKILL}}).actions(), "quit 4");
  EXPECT_FALSE(h.policy().rolling());
  h.send(ReloadRequested{}).send(ZygoteFailed{3, {BootFailureKind::kImport, "SyntaxError"}});
  EXPECT_EQ(h.actions(), "zygote 3, stop zygote 3");
  EXPECT_TRUE(
      h.logged("reload aborted: zygote of generation 3 could not load the app; generation 1 serves "
               "on\nSynt"));
  h.send(ReloadRequested{}).pass(3s);
  EXPECT_THAT(h.actions(), HasSubstr("abort zygote 4"));
  EXPECT_FALSE(h.policy().rolling());
  EXPECT_EQ(h.roster(), "R1 R1 R1");
}

TEST_F(PolicyReload, AbandonedOneIsRememberedUntilTheNextBegins) {
  EXPECT_EQ(h.policy().reload_failure(), "");
  h.boot_fails(4);
  EXPECT_THAT(h.policy().reload_failure(), HasSubstr("could not start the app"));
  h.send(ReloadRequested{});
  EXPECT_EQ(h.policy().reload_failure(), "");
}

TEST_F(PolicyReload, RequestsMeanwhileBecomeOneMore) {  // fault 16
  for (int i = 0; i < 50; ++i) h.send(ReloadRequested{});
  h.up(4).pass(1s).up(5).up(6).forget();
  EXPECT_EQ(h.zygote_ready(3).actions(), "spawn 7 in 0 of 3");
  h.up(7).pass(1s).up(8).up(9);
  EXPECT_FALSE(h.policy().rolling());
  EXPECT_EQ(h.policy().serving_generation(), 3u);
}

TEST_F(PolicyReload, FollowUpComesAfterAnAbortToo) {
  EXPECT_EQ(h.send(ReloadRequested{}).boot_fails(4).actions(), "zygote 3, stop zygote 2");
}

TEST_F(PolicyReload, OldWorkerThatDiesIsRespawnedFromTheProvenCode) {
  EXPECT_EQ(h.kill(1).actions(), "spawn 5 in 0 of 1") << "the replacement may never boot";
  EXPECT_EQ(h.up(4).pass(1s).actions(), "quit 5, spawn 6 in 1 of 2");
}

TEST_F(PolicyReload, ReadyReplacementOfADeadWorkerIsEnough) {
  EXPECT_EQ(h.up(4).kill(1).actions(), "");
  EXPECT_EQ(h.pass(1s).actions(), "spawn 5 in 1 of 2");
}

TEST_F(PolicyReload, AbortKeepsTheOnlyReadyWorkerOfASlotUntilItsReplacementIs) {
  h.up(4).kill(1).forget();
  EXPECT_EQ(h.send(ZygoteExited{2, {.signal = SIGKILL}}).actions(), "spawn 5 in 0 of 1");
  EXPECT_EQ(h.up(5).actions(), "retire 4");
}

TEST_F(PolicyReload, OldZygoteDiesMeanwhile) {
  h.fork(4).send(ZygoteExited{1, {.signal = SIGKILL}}).tick_at_deadline();
  EXPECT_EQ(h.actions(), "zygote 1");
  EXPECT_EQ(h.boot_fails(4).actions(), "stop zygote 2");
  EXPECT_EQ(h.kill(1).zygote_ready(1).actions(), "spawn 5 in 0 of 1");
}

TEST_F(PolicyReload, FailedForkDoesNotAbort) {
  h.send(WorkerSpawnFailed{4, EAGAIN});
  EXPECT_EQ(h.pass(100ms).actions(), "spawn 5 in 1 of 2") << "the next slot is tried meanwhile";
  EXPECT_EQ(h.up(5).pass(1s).actions(), "retire 2, spawn 6 in 0 of 2");
}

TEST_F(PolicyReload, ScalingMeanwhile) {  // fault 16
  EXPECT_EQ(h.send(ScaleRequested{+1}).up(5).actions(), "spawn 5 in 3 of 1");
  EXPECT_EQ(h.up(4).pass(1s).up(6).actions(),
            "retire 1, spawn 6 in 1 of 2, retire 2, spawn 7 in 2 of 2");
  EXPECT_EQ(h.send(ScaleRequested{-1}).actions(), "retire 5");
  EXPECT_EQ(h.send(ScaleRequested{-1}).actions(), "quit 7, retire 3, stop zygote 1")
      << "the roll is complete";
  EXPECT_EQ(h.policy().serving_generation(), 2u);
}

TEST_F(PolicyReload, RetireAllCancelsIt) {
  EXPECT_EQ(h.send(RetireAllRequested{}).actions(), "quit 4, retire 1, retire 2, retire 3");
  EXPECT_FALSE(h.policy().rolling());
  EXPECT_EQ(h.fork(4).actions(), "stop zygote 2");
}

TEST_F(PolicyReload, WishesWaitForTheRoll) {
  EXPECT_EQ(h.send(WorkerRetireWish{3, "memory"}).actions(), "");
  h.up(4).pass(1s).up(5).up(6).forget();
  EXPECT_EQ(h.pass(1s).actions(), "kill zygote 1") << "nothing is left to replace";
}

TEST(PolicyReloadEarly, WaitsForTheFirstWorker) {
  PolicyHarness h({.workers = 2});
  EXPECT_EQ(h.order_all().forget().send(ReloadRequested{}).actions(), "");
  EXPECT_EQ(h.up(1).actions(), "listen, zygote 2");
}

TEST(PolicyReloadCrashLoop, NewCodeHealsWithoutWaiting) {
  PolicyHarness h({.backoff_jitter = 0});
  h.boot().kill(1);
  for (int i = 0; i < 12; ++i) h.boot_fails(h.newest()).exit(h.newest(), 4).tick_at_deadline();
  h.boot_fails(h.newest()).exit(h.newest(), 4).forget();
  EXPECT_EQ(h.send(ReloadRequested{}).zygote_ready(2).actions(), "zygote 2, spawn 15 in 0 of 2");
}

class PolicyRolloutEnds : public PolicyReload {};

TEST_F(PolicyRolloutEnds, Completed) {
  h.up(4).pass(1s).up(5);
  EXPECT_EQ(h.rollouts(), "") << "one slot is missing";
  h.up(6);
  EXPECT_EQ(h.last_rollout().reason, "");
  EXPECT_EQ(h.rollouts(), "2 completed");
}

TEST_F(PolicyRolloutEnds, AbortedWithReasonAndTraceback) {
  h.boot_fails(4, "SyntaxError: v2");
  EXPECT_EQ(h.last_rollout().reason, "worker 0 (pid 104) could not start the app");
  EXPECT_EQ(h.last_rollout().traceback, "SyntaxError: v2");
  EXPECT_EQ(h.rollouts(), "2 aborted");
}

TEST_F(PolicyRolloutEnds, OneThatWasAskedForMeanwhileHasItsOwn) {
  EXPECT_EQ(h.policy().next_reload(), 3u);
  h.send(ReloadRequested{}).send(ReloadRequested{}).boot_fails(4);
  EXPECT_EQ(h.rollouts(), "2 aborted");
  EXPECT_EQ(h.policy().next_reload(), 4u) << "3 has begun";
  h.zygote_ready(3).up(5).pass(1s).up(6).up(7);
  EXPECT_EQ(h.rollouts(), "3 completed");
}

TEST_F(PolicyRolloutEnds, CancelledByAStopAndByRetiringAll) {
  h.send(ReloadRequested{}).send(RetireAllRequested{});
  EXPECT_EQ(h.last_rollout().reason, "all workers were retired");
  EXPECT_EQ(h.rollouts(), "2 cancelled, 3 cancelled");
  EXPECT_EQ(h.policy().next_reload(), 3u) << "3 never began";
  h.send(ReloadRequested{}).send(StopRequested{});
  EXPECT_EQ(h.last_rollout().reason, "the server is stopping");
  EXPECT_EQ(h.rollouts(), "3 cancelled");
  EXPECT_EQ(h.policy().next_reload(), std::nullopt);
}

TEST(PolicyScaleTo, IsAbsoluteAndBringsBackWhatWasRetired) {
  PolicyHarness h({.workers = 2});
  EXPECT_EQ(h.boot().send(ScaleTo{2}).actions(), "");
  EXPECT_EQ(h.send(ScaleTo{4}).actions(), "spawn 3 in 2 of 1, spawn 4 in 3 of 1");
  EXPECT_EQ(h.up(3).up(4).send(ScaleTo{1}).actions(), "retire 4, retire 3, retire 2");
  EXPECT_EQ(h.send(RetireAllRequested{}).send(ScaleTo{2}).actions(),
            "retire 1, spawn 5 in 0 of 1, spawn 6 in 1 of 1");
  EXPECT_EQ(h.send(ScaleTo{0}).policy().slots().size(), 1u) << "one at least";
}

TEST(PolicyViews, SlotsTellTheirLossesAndWhenTheyTryAgain) {
  PolicyHarness h({.workers = 2, .backoff_jitter = 0});
  h.boot();
  EXPECT_TRUE(h.policy().slots()[0].serves);
  EXPECT_EQ(h.kill(1).policy().slots()[0].history.losses, 1u);
  EXPECT_EQ(h.policy().slots()[0].history.last_loss, "killed by signal 9 (SIGKILL)");
  h.boot_fails(3, "no database");
  const SlotView empty = h.policy().slots()[0];
  EXPECT_FALSE(empty.serves);
  EXPECT_EQ(empty.retry_at, h.now() + 100ms);
  EXPECT_EQ(empty.history.losses, 2u);
  EXPECT_EQ(empty.history.last_traceback, "no database");
  EXPECT_EQ(h.policy().slots()[1].history.losses, 0u);
}

TEST(PolicyViews, WorkersTellPidAndAge) {
  PolicyHarness h({.workers = 1});
  h.order_all();
  const WorkerView booting = h.policy().workers()[0];
  EXPECT_EQ(booting.pid, std::nullopt);
  EXPECT_EQ(booting.spawned_at, h.now());
  EXPECT_EQ(h.pass(1s).up(1).policy().workers()[0].pid, 101);
  EXPECT_EQ(h.policy().workers()[0].spawned_at, booting.spawned_at);
}

}  // namespace
}  // namespace tricorn
