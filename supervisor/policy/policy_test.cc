// Boot, crashes, zygotes, scaling and wishes, as scenarios. Numbers of faults are those of the
// fault list.
#include "supervisor/policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(PolicyBoot, StartsZygoteThenAllWorkersThenListensWithTheFirst) {
  PolicyHarness h({.workers = 3});
  EXPECT_EQ(h.send(Started{}).actions(), "zygote 1");
  EXPECT_EQ(h.zygote_ready(1).actions(), "spawn 1 in 0 of 1, spawn 2 in 1 of 1, spawn 3 in 2 of 1");
  EXPECT_EQ(h.up(2).actions(), "listen");
  EXPECT_EQ(h.up(1).up(3).actions(), "");
  EXPECT_THAT(h.lines(LogLevel::kInfo),
              ElementsAre("worker 1 (pid 102) ready", "worker 0 (pid 101) ready",
                          "worker 2 (pid 103) ready", "ready: 3 workers"));
  EXPECT_EQ(h.policy().next_deadline(), std::nullopt);
}

TEST(PolicyBoot, FailureIsShownOnceAndDecidesTheExitCode) {  // faults 4 and 5
  PolicyHarness h({.workers = 4});
  h.order_all().forget().boot_fails(1, "ImportError: app");
  EXPECT_EQ(h.actions(), "quit 2, quit 3, quit 4, unlisten");
  h.boot_fails(2, "ImportError: app");
  EXPECT_EQ(h.exit(1, 4).exit(2, 4).actions(), "");
  h.fork(3).fork(4);
  EXPECT_EQ(h.exit(3).exit(4).send(ZygoteExited{1, {}}).actions(), "stop zygote 1, exit 4");
  EXPECT_THAT(
      h.lines(LogLevel::kWarning),
      ElementsAre("worker 0 (pid 101) could not start the app; stopping\nImportError: app"));

  PolicyHarness start;
  start.order_all().fork(1).send(WorkerBootFailed{1, {BootFailureKind::kStart, "db"}}).exit(1, 3);
  EXPECT_THAT(start.send(ZygoteExited{1, {}}).actions(), HasSubstr("exit 3"));
}

TEST(PolicyBoot, DeathWithoutReasonExits3) {
  PolicyHarness h;
  h.order_all().fork(1).send(WorkerExited{1, {.signal = SIGSEGV}}).send(ZygoteExited{1, {}});
  EXPECT_THAT(h.actions(), HasSubstr("exit 3"));
  EXPECT_TRUE(h.logged("worker 0 (pid 101) killed by signal 11 (SIGSEGV) before it was ready"));
}

TEST(PolicyBoot, HangIsAbortedThenKilledAndExits3) {  // fault 6
  PolicyHarness h({.boot_timeout = 3s});
  h.order_all().fork(1).forget().pass(3s - 1ns);
  EXPECT_EQ(h.actions(), "");
  EXPECT_EQ(h.pass(1ns).actions(), "abort 1, unlisten, stop zygote 1");
  EXPECT_TRUE(h.logged("not ready within 3.0 s"));
  EXPECT_EQ(h.send(ZygoteExited{1, {}}).pass(1s).actions(), "kill 1");
  EXPECT_EQ(h.kill(1).actions(), "exit 3");
}

TEST(PolicyBoot, SlowBootIsLeftAlone) {  // fault 7
  PolicyHarness h;
  EXPECT_EQ(h.order_all().fork(1).forget().pass(10s).up(1).actions(), "listen");
}

TEST(PolicyBoot, ZygoteFailures) {
  PolicyHarness exits;
  EXPECT_EQ(exits.send(Started{}).send(ZygoteExited{1, {.code = 1}}).actions(),
            "zygote 1, unlisten, exit 1");

  PolicyHarness preload({.preload = true});
  preload.send(Started{}).send(ZygoteFailed{1, {BootFailureKind::kImport, "SyntaxError"}});
  EXPECT_EQ(preload.send(ZygoteExited{1, {}}).actions(),
            "zygote 1, stop zygote 1, unlisten, exit 4");
  EXPECT_THAT(preload.lines(LogLevel::kError), ElementsAre(HasSubstr("SyntaxError")));

  PolicyHarness hangs;
  EXPECT_EQ(hangs.send(Started{}).pass(60s).actions(), "zygote 1, abort zygote 1, unlisten");
  EXPECT_EQ(hangs.send(ZygoteExited{1, {.signal = SIGKILL}}).actions(), "exit 3");
}

TEST(PolicyBoot, ZygoteWithThreadsGivesWayToAPlainOne) {
  PolicyHarness h({.preload = true});
  h.send(Started{}).send(ZygoteHasThreads{1, "Thread-1"});
  EXPECT_EQ(h.actions(), "zygote 1, stop zygote 1");
  EXPECT_THAT(h.lines(LogLevel::kWarning), ElementsAre(HasSubstr("started threads (Thread-1)")));
  EXPECT_EQ(h.send(ZygoteExited{1, {}}).pass(1ms).actions(), "plain zygote 1") << "at once";
  EXPECT_EQ(h.zygote_ready(1).up(1).actions(), "spawn 1 in 0 of 1, listen");
  EXPECT_EQ(h.send(ZygoteExited{1, {.signal = SIGKILL}}).pass(1s).actions(), "plain zygote 1")
      << "it is remembered";
  EXPECT_EQ(h.send(ReloadRequested{}).actions(), "zygote 2") << "new code is tried anew";
}

TEST(PolicyCrash, KilledWorkerIsReplacedInTheSameTurn) {
  PolicyHarness h({.workers = 3});
  EXPECT_EQ(h.boot().kill(3).actions(), "spawn 4 in 2 of 1");
  EXPECT_THAT(h.lines(LogLevel::kInfo),
              ElementsAre("worker 2 (pid 103) killed by signal 9 (SIGKILL); respawning now"));
}

TEST(PolicyCrash, LoopBacksOffAndSaysLittle) {  // fault 3
  PolicyHarness h({.workers = 4, .backoff_jitter = 0});
  h.boot().kill(1).forget();
  Duration expected = 100ms;
  const TimePoint start = h.now();
  for (int crash = 0; crash < 12; ++crash) {
    h.up(h.newest()).pass(100ms).exit(h.newest(), 1);
    EXPECT_EQ(h.policy().next_deadline(), h.now() + expected);
    h.tick_at_deadline();
    expected = std::min<Duration>(expected * 2, 30s);
  }
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(h.now() - start).count();
  EXPECT_LE(h.lines(LogLevel::kInfo).size(), 6u * static_cast<size_t>(minutes));
  EXPECT_TRUE(h.logged("lines about crashes left out"));
  EXPECT_EQ(h.roster(), "R1 R1 R1 B1");
  h.up(h.newest()).pass(60s).kill(h.newest());
  EXPECT_EQ(h.spawn_count(), 4u + 1 + 12 + 1) << "60 s ready start the backoff over";
}

TEST(PolicyCrash, BrokenCodeOnDiskIsRetriedForEver) {
  PolicyHarness h({.workers = 2});
  h.boot().kill(1).forget();
  for (int i = 0; i < 50; ++i) h.boot_fails(h.newest()).exit(h.newest(), 4).tick_at_deadline();
  EXPECT_FALSE(h.policy().stopping());
  EXPECT_EQ(h.up(h.newest()).roster(), "R1 R1");
}

TEST(PolicyCrash, BootTimeoutInServiceIsABootFailure) {
  PolicyHarness h({.workers = 2, .boot_timeout = 3s, .backoff_jitter = 0});
  h.boot().kill(1).fork(3).forget();
  EXPECT_EQ(h.pass(3s).actions(), "abort 3");
  EXPECT_EQ(h.pass(100ms).actions(), "spawn 4 in 0 of 1");
  EXPECT_EQ(h.fork(4).pass(900ms).actions(), "kill 3");
}

TEST(PolicyCrash, FailedForkIsRetriedAndSaidOnce) {  // fault 28
  PolicyHarness h({.workers = 2});
  h.boot().kill(1).forget();
  for (int i = 0; i < 10; ++i) h.send(WorkerSpawnFailed{h.newest(), EAGAIN}).tick_at_deadline();
  EXPECT_THAT(h.lines(LogLevel::kInfo),
              ElementsAre(HasSubstr("could not be started: Resource temporarily")));
  EXPECT_EQ(h.up(h.newest()).roster(), "R1 R1");
  EXPECT_EQ(h.kill(2).send(WorkerSpawnFailed{h.newest(), EAGAIN}).lines(LogLevel::kWarning).size(),
            3u);
}

TEST(PolicyCrash, HungWorkerShowsItsStacksAndIsReplacedAtOnce) {  // fault 8
  PolicyHarness h({.workers = 2});
  EXPECT_EQ(h.boot().send(WorkerHung{1, 60s}).actions(), "abort 1, spawn 3 in 0 of 1");
  EXPECT_EQ(h.fork(3).pass(1s).actions(), "kill 1");
  EXPECT_TRUE(h.logged("worker 0 (pid 101) gave no sign of life for 60.0 s"));
}

TEST(PolicyCrash, ReadyMayOvertakeTheReportOfTheSpawn) {
  PolicyHarness h;
  EXPECT_EQ(h.order_all().forget().send(WorkerReady{1}).fork(1).actions(), "listen");
  EXPECT_EQ(h.pass(1h).actions(), "");
}

TEST(PolicyZygote, DeathInServiceLeavesWorkersAloneAndDelaysRespawns) {
  PolicyHarness h({.workers = 2});
  EXPECT_EQ(h.boot().send(ZygoteExited{1, {.signal = SIGKILL}}).tick_at_deadline().actions(),
            "zygote 1");
  EXPECT_EQ(h.kill(1).actions(), "");
  EXPECT_EQ(h.zygote_ready(1).actions(), "spawn 3 in 0 of 1");
}

TEST(PolicyZygote, DeathLosesNoOrder) {
  PolicyHarness h({.workers = 3});
  h.boot().kill(1).kill(2).fork(4).forget();  // 4 was forked, 5 may or may not have been
  EXPECT_EQ(h.send(ZygoteExited{1, {.signal = SIGKILL}}).tick_at_deadline().actions(),
            "quit 5, zygote 1");
  EXPECT_EQ(h.zygote_ready(1).actions(), "spawn 6 in 1 of 1");
  EXPECT_EQ(h.roster(), "R1 B1 B1");
  EXPECT_EQ(h.fork(5).actions(), "kill 5") << "a late report";
}

TEST(PolicyZygote, CrashLoopBacksOff) {
  PolicyHarness h({.backoff_jitter = 0});
  h.boot().send(ZygoteExited{1, {.code = 1}}).tick_at_deadline();
  for (const Duration delay : {100ms, 200ms, 400ms}) {
    h.send(ZygoteExited{1, {.code = 1}});
    EXPECT_EQ(h.policy().next_deadline(), h.now() + delay);
    h.tick_at_deadline();
  }
}

TEST(PolicyZygote, OneThatOwesAReportForTooLongIsReplaced) {
  PolicyHarness h({.workers = 2, .boot_timeout = 3s});
  EXPECT_EQ(h.boot().kill(1).pass(3s).actions(), "spawn 3 in 0 of 1, quit 3, kill zygote 1");
  h.send(ZygoteExited{1, {.signal = SIGKILL}}).pass(1s);
  EXPECT_EQ(h.zygote_ready(1).actions(), "zygote 1, spawn 4 in 0 of 1");
  EXPECT_EQ(h.roster(), "R1 B1") << "the unreported worker was given up";
}

TEST(PolicyScale, UpAndDownButNeverBelowOne) {
  PolicyHarness h({.workers = 2});
  EXPECT_EQ(h.boot().send(ScaleRequested{+1}).up(3).actions(), "spawn 3 in 2 of 1");
  EXPECT_EQ(h.send(ScaleRequested{-1}).actions(), "retire 3");
  EXPECT_EQ(h.send(ScaleRequested{-1}).send(ScaleRequested{-1}).actions(), "retire 2");
  EXPECT_EQ(h.exit(3).exit(2).roster(), "R1");
}

TEST(PolicyScale, RetireAllKeepsTheMasterUntilWorkersAreWanted) {
  for (const Event& back :
       {Event(ScaleRequested{+1}), Event(BringBackRequested{}), Event(ReloadRequested{})}) {
    PolicyHarness h({.workers = 2});
    EXPECT_EQ(h.boot().send(RetireAllRequested{}).actions(), "retire 1, retire 2");
    EXPECT_EQ(h.exit(1).exit(2).pass(1h).actions(), "");
    EXPECT_THAT(h.send(back).actions(), HasSubstr("spawn 3 in 0 of 1, spawn 4 in 1 of 1"));
  }
}

TEST(PolicyWish, ReplacementFirstOneAtATime) {  // fault 30
  PolicyHarness h({.workers = 8});
  h.boot();
  for (WorkerId worker = 1; worker <= 8; ++worker)
    h.send(WorkerRetireWish{worker, "1000 requests"});
  EXPECT_EQ(h.actions(), "spawn 9 in 0 of 1");
  EXPECT_EQ(h.up(9).actions(), "retire 1, spawn 10 in 1 of 1");
  for (WorkerId worker = 10; worker <= 16; ++worker) h.up(worker);
  EXPECT_EQ(h.roster(), "D1 D1 D1 D1 D1 D1 D1 D1 R1 R1 R1 R1 R1 R1 R1 R1");
}

TEST(PolicyWish, OldWorkerServesWhileReplacementsFail) {  // fault 30
  PolicyHarness h({.workers = 2, .backoff_jitter = 0});
  h.boot().send(WorkerRetireWish{1, "memory"}).boot_fails(3).exit(3, 4);
  EXPECT_EQ(h.actions(), "spawn 3 in 0 of 1");
  EXPECT_EQ(h.pass(99ms).actions(), "");
  EXPECT_EQ(h.pass(1ms).actions(), "spawn 4 in 0 of 1");
  EXPECT_EQ(h.send(WorkerRetireWish{2, "memory"}).boot_fails(4).actions(), "spawn 5 in 1 of 1")
      << "a slot that waits does not hold up the next";
  EXPECT_EQ(h.up(5).pass(200ms).actions(), "retire 2, spawn 6 in 0 of 1");
}

TEST(PolicyWish, RetiringWorkerIsKilledAfterItsDeadlineAndGrace) {
  PolicyHarness h({.drain_timeout = 5s});
  h.boot().send(WorkerRetireWish{1, "memory"}).up(2).forget().pass(6s - 1ns);
  EXPECT_EQ(h.actions(), "");
  EXPECT_EQ(h.pass(1ns).actions(), "kill 1");
  h.pass(10s - 1ns);
  EXPECT_FALSE(h.logged("left behind"));
  h.pass(1ns);
  EXPECT_TRUE(h.logged("left behind"));
  EXPECT_EQ(h.roster(), "R1");
}

}  // namespace
}  // namespace tricorn
