// Crashes: how they read, how they are counted, and --exit-on-worker-crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(PolicyCrash, TheKernelsKillForWantOfMemoryIsNamedAndCounted) {
  PolicyHarness h({.workers = 2});
  h.boot().send(WorkerExited{1, {.signal = SIGKILL}, "/app.slice"});
  EXPECT_THAT(h.lines(LogLevel::kWarning),
              ElementsAre("worker 0 (pid 101) killed by the kernel: out of memory (cgroup "
                          "/app.slice), 1 so far; respawning now"));
  EXPECT_EQ(h.actions(), "spawn 3 in 0 of 1");
  EXPECT_EQ(h.policy().losses(), (LossCounts{.out_of_memory = 1}));
}

TEST(PolicyCrash, AKillThatTheCgroupDoesNotExplainIsJustASignal) {
  PolicyHarness h({.workers = 1});
  h.boot().kill(1);
  EXPECT_TRUE(h.logged("killed by signal 9 (SIGKILL)"));
  EXPECT_FALSE(h.logged("memory"));
  EXPECT_EQ(h.policy().losses(), (LossCounts{.crashed = 1}));
}

TEST(PolicyCrash, OurOwnKillIsNotTheKernels) {
  PolicyHarness h({.workers = 1, .drain_timeout = 1s});
  h.boot().send(StopRequested{}).pass(2s);
  h.send(WorkerExited{1, {.signal = SIGKILL}, "/app.slice"});
  EXPECT_FALSE(h.logged("memory"));
  EXPECT_EQ(h.policy().losses(), LossCounts{});
}

TEST(PolicyCrash, EveryLossIsCountedOnceByItsKind) {
  PolicyHarness h({.workers = 1});
  h.boot().exit(1, 7);
  h.boot_fails(2).exit(2, 4).pass(1s);
  h.fork(3).pass(60s).send(WorkerExited{3, {.signal = SIGABRT}}).pass(1s);
  h.up(h.newest()).send(WorkerHung{h.newest(), 61s});
  h.send(WorkerExited{h.newest(), {.signal = SIGABRT}});
  EXPECT_EQ(h.policy().losses(), (LossCounts{.crashed = 1, .hung = 1, .not_started = 2}));
}

TEST(PolicyCrash, TheFirstCrashOfASlotIsToldHoweverManyAnotherHas) {
  PolicyHarness h({.workers = 2, .backoff_max = 1s});
  h.boot();
  for (int i = 0; i < 20; ++i) {
    const WorkerId looping = h.newest();
    h.exit(i == 0 ? 1 : looping, 1).pass(1s).fork(h.newest());
  }
  h.forget().exit(2, 9);
  EXPECT_TRUE(h.logged("worker 1 (pid 102) ended with exit code 9"));
}

TEST(PolicyCrash, AnAbortOfOursIsToldOnce) {
  PolicyHarness h({.workers = 1});
  h.boot().send(WorkerHung{1, 61s}).send(WorkerExited{1, {.signal = SIGABRT}});
  EXPECT_THAT(h.lines(LogLevel::kInfo),
              ElementsAre("worker 0 (pid 101) gave no sign of life for 61.0 s and is aborted; "
                          "respawning now"));
}

struct Crash {
  ExitStatus status;
  int code;
};

class ExitOnCrash : public testing::TestWithParam<Crash> {};

TEST_P(ExitOnCrash, StopsGracefullyWithTheWorkersCode) {
  PolicyHarness h({.workers = 2, .exit_on_worker_crash = true});
  h.boot().send(WorkerExited{1, GetParam().status});
  EXPECT_EQ(h.actions(), "drain 2, unlisten, stop zygote 1");
  EXPECT_TRUE(h.logged("stopping, as --exit-on-worker-crash asks"));
  EXPECT_TRUE(h.policy().stopping());
  h.exit(2).send(ZygoteExited{1, {}});
  EXPECT_EQ(h.actions(), "exit " + std::to_string(GetParam().code));
}

INSTANTIATE_TEST_SUITE_P(Codes, ExitOnCrash,
                         testing::Values(Crash{{.signal = SIGKILL}, 137},
                                         Crash{{.signal = SIGSEGV}, 139}, Crash{{.code = 7}, 7},
                                         Crash{{.code = 0}, 1}));

TEST(ExitOnCrash, AHungWorkerIsACrashByItsAbort) {
  PolicyHarness h({.workers = 1, .exit_on_worker_crash = true});
  h.boot().send(WorkerHung{1, 61s});
  EXPECT_EQ(h.actions(), "abort 1, unlisten, stop zygote 1");
  h.send(WorkerExited{1, {.signal = SIGABRT}}).send(ZygoteExited{1, {}});
  EXPECT_EQ(h.actions(), "exit 134");
}

TEST(ExitOnCrash, ASecondRequestIsQuickButTheCodeStaysTheCrashs) {
  PolicyHarness h({.workers = 2, .exit_on_worker_crash = true});
  h.boot().kill(1).forget();
  h.send(StopRequested{.fast = true, .signal = SIGQUIT});
  EXPECT_THAT(h.actions(), HasSubstr("quit 2"));
  h.exit(2).send(ZygoteExited{1, {}});
  EXPECT_EQ(h.actions(), "exit 137");
}

TEST(ExitOnCrash, CrashInTheShutdownDelayEndsIt) {
  PolicyHarness h({.workers = 2, .shutdown_delay = 10s, .exit_on_worker_crash = true});
  h.boot().send(StopRequested{.signal = SIGTERM}).kill(1);
  EXPECT_EQ(h.actions(), "drain 2, unlisten, stop zygote 1");
  h.exit(2).send(ZygoteExited{1, {}});
  EXPECT_EQ(h.actions(), "exit 137");
}

TEST(ExitOnCrash, WorkersThatAreToGoMayEndAsTheyLike) {
  PolicyHarness h({.workers = 1, .exit_on_worker_crash = true});
  h.boot().send(WorkerRetireWish{1, "old"}).up(2).kill(1);
  EXPECT_FALSE(h.policy().stopping());
}

TEST(ExitOnCrash, AFailedReloadIsUndoneNotTheEnd) {
  PolicyHarness h({.workers = 1, .exit_on_worker_crash = true});
  h.boot().send(ReloadRequested{}).zygote_ready(2);
  for (int crash = 0; crash < 2; ++crash) h.up(h.newest()).kill(h.newest());  // at their canary
  EXPECT_TRUE(h.logged("reload aborted"));
  h.send(ReloadRequested{}).zygote_ready(3).boot_fails(h.newest()).exit(h.newest(), 4);
  EXPECT_FALSE(h.policy().stopping());
}

TEST(ExitOnCrash, ARespawnThatDoesNotBootIsTriedAgain) {
  PolicyHarness h({.workers = 1, .exit_on_worker_crash = true});
  h.boot().send(ScaleRequested{.delta = 1}).boot_fails(2).exit(2, 4).pass(1s);
  EXPECT_FALSE(h.policy().stopping());
  EXPECT_EQ(h.newest(), 3u);
}

}  // namespace
}  // namespace tricorn
