// Stops, from any state: graceful, fast, forced; each ends, with the right code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr StopRequested kTerm{.signal = SIGTERM};
constexpr StopRequested kInt{.signal = SIGINT};
constexpr StopRequested kQuit{.fast = true, .signal = SIGQUIT};

class PolicyStop : public testing::Test {
 protected:
  PolicyHarness h{{.workers = 2, .drain_timeout = 5s}};
};

TEST_F(PolicyStop, DrainsAndExits0) {  // fault 18
  EXPECT_EQ(h.boot().send(kTerm).actions(), "drain 1, drain 2, unlisten, stop zygote 1");
  EXPECT_TRUE(h.policy().stopping());
  EXPECT_EQ(h.exit(1).exit(2).actions(), "");
  EXPECT_EQ(h.send(ZygoteExited{1, {}}).actions(), "exit 0");
  EXPECT_EQ(h.send(Started{}).send(kTerm).pass(1h).actions(), "") << "nothing follows ExitMaster";
}

class PolicyShutdownDelay : public testing::Test {
 protected:
  PolicyHarness h{{.workers = 2, .drain_timeout = 5s, .shutdown_delay = 10s, .backoff_jitter = 0}};
};

TEST_F(PolicyShutdownDelay, ServesOnAndThenDrains) {
  EXPECT_EQ(h.boot().send(kTerm).pass(10s - 1ns).actions(), "");
  EXPECT_TRUE(h.policy().stopping());
  EXPECT_EQ(h.pass(1ns).actions(), "drain 1, drain 2, unlisten, stop zygote 1");
  EXPECT_EQ(h.exit(1).exit(2).send(ZygoteExited{1, {}}).actions(), "exit 0");
}

TEST_F(PolicyShutdownDelay, RespawnsButBeginsNothingNew) {
  h.boot().send(kTerm);
  h.send(ReloadRequested{}).send(ScaleRequested{+1}).send(RetireAllRequested{});
  EXPECT_EQ(h.send(WorkerRetireWish{1, "full"}).actions(), "");
  EXPECT_EQ(h.kill(2).actions(), "spawn 3 in 1 of 1");
  EXPECT_EQ(h.up(3).roster(), "R1 R1");
}

TEST_F(PolicyShutdownDelay, EndsAReload) {
  h.boot().send(ReloadRequested{}).zygote_ready(2).fork(3).forget();
  EXPECT_EQ(h.send(kTerm).actions(), "quit 3, stop zygote 2");
  EXPECT_EQ(h.exit(3).roster(), "R1 R1");
}

TEST_F(PolicyShutdownDelay, IsCutShortByASecondSignal) {
  h.boot().send(kTerm).pass(1s);
  EXPECT_EQ(h.send(kTerm).actions(), "drain 1, drain 2, unlisten, stop zygote 1");
  EXPECT_EQ(h.exit(1).exit(2).send(ZygoteExited{1, {}}).actions(), "exit 0");
}

TEST_F(PolicyShutdownDelay, IsForServersThatServe) {
  EXPECT_EQ(h.order_all().forget().send(kTerm).actions(), "quit 1, quit 2, unlisten");
}

TEST_F(PolicyShutdownDelay, IsLeftOutWhenAskedSo) {
  h.boot().send(StopRequested{.signal = SIGTERM, .at_once = true});
  EXPECT_EQ(h.actions(), "drain 1, drain 2, unlisten, stop zygote 1");
}

TEST_F(PolicyStop, ForcedKillExits1) {  // fault 20
  h.boot().send(kTerm).send(ZygoteExited{1, {}}).exit(1).forget();
  EXPECT_EQ(h.pass(6s - 1ns).actions(), "");
  EXPECT_EQ(h.pass(1ns).kill(2).actions(), "kill 2, exit 1");
}

TEST_F(PolicyStop, SecondSignalIsFastAndThirdKills) {  // fault 21
  EXPECT_EQ(h.boot().send(kTerm).send(ZygoteExited{1, {}}).forget().send(kInt).actions(),
            "quit 1, quit 2");
  EXPECT_EQ(h.send(kInt).actions(), "kill 1, kill 2");
  EXPECT_EQ(h.kill(1).kill(2).actions(), "exit 130");

  PolicyHarness term;
  term.boot().send(kInt).send(kTerm).exit(1).send(ZygoteExited{1, {}});
  EXPECT_THAT(term.actions(), EndsWith("exit 143"));
}

TEST_F(PolicyStop, FastDeadlineKills) {
  h.boot().send(kTerm).send(kTerm).send(ZygoteExited{1, {}}).forget();
  EXPECT_EQ(h.pass(1s).actions(), "kill 1, kill 2");
}

TEST_F(PolicyStop, QuitIsFastAndExits0) {
  EXPECT_EQ(h.boot().send(kQuit).actions(), "quit 1, quit 2, unlisten, stop zygote 1");
  EXPECT_EQ(h.exit(1).exit(2).send(ZygoteExited{1, {}}).actions(), "exit 0");
}

TEST_F(PolicyStop, WhileAReplacementBoots) {  // fault 15
  h.boot().send(ReloadRequested{}).zygote_ready(2).fork(3).forget();
  EXPECT_EQ(h.send(kTerm).actions(),
            "drain 1, drain 2, quit 3, unlisten, stop zygote 1, stop zygote 2");
  EXPECT_EQ(
      h.exit(1).exit(2).send(ZygoteExited{1, {}}).send(ZygoteExited{2, {}}).pass(1s).actions(),
      "kill 3");
  EXPECT_EQ(h.kill(3).actions(), "exit 0") << "a worker that never served is no forced kill";
}

TEST_F(PolicyStop, DuringTheFirstBoot) {
  EXPECT_EQ(h.send(kTerm).actions(), "unlisten, exit 0");
  PolicyHarness zygote;
  zygote.send(Started{}).forget().send(kTerm);
  EXPECT_EQ(zygote.actions(), "unlisten, stop zygote 1");
  EXPECT_EQ(zygote.send(ZygoteReady{1}).send(ZygoteExited{1, {}}).actions(), "exit 0");
}

TEST_F(PolicyStop, HastensWorkersThatRetire) {
  h.boot().send(WorkerRetireWish{1, "memory"}).up(3).pass(2s).forget();
  EXPECT_THAT(h.send(kTerm).actions(), HasSubstr("drain 1, drain 2, drain 3"));
  EXPECT_EQ(h.policy().next_deadline(), h.now() + 1s) << "the zygote's";
  EXPECT_THAT(h.send(ZygoteExited{1, {}}).pass(4s).actions(), HasSubstr("kill 1"))
      << "not later than without the stop";
}

TEST_F(PolicyStop, UnreportedSpawnHoldsTheZygoteButNotTheStop) {
  h.boot().kill(1).forget();
  EXPECT_EQ(h.send(kTerm).actions(), "drain 2, quit 3, unlisten");
  EXPECT_EQ(h.exit(2).pass(1s).actions(), "kill zygote 1");
  EXPECT_EQ(h.send(ZygoteExited{1, {.signal = SIGKILL}}).actions(), "exit 0");
}

TEST_F(PolicyStop, KilledBeforeItsSpawnWasReported) {
  h.boot().kill(1).send(kTerm).send(kTerm).send(kTerm).forget();
  EXPECT_EQ(h.fork(3).actions(), "kill 3");
}

TEST_F(PolicyStop, UnkillableWorkerIsLeftBehind) {
  h.boot().send(kTerm).send(ZygoteExited{1, {}}).exit(1).pass(16s);
  EXPECT_THAT(h.actions(), EndsWith("kill 2, exit 1"));
}

TEST_F(PolicyStop, SignalDuringAFailedFirstBootKeepsItsCode) {
  h.order_all().boot_fails(1).send(kTerm).fork(2).exit(1).exit(2).send(ZygoteExited{1, {}});
  EXPECT_THAT(h.actions(), EndsWith("exit 4"));
}

}  // namespace
}  // namespace tricorn
