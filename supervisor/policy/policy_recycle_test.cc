// Workers that are replaced while their code stays: by wish, by age, one or several at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;

PolicyHarness& all_wish(PolicyHarness& h, WorkerId count) {
  for (WorkerId worker = 1; worker <= count; ++worker) h.send(WorkerRetireWish{worker, "full"});
  return h;
}

TEST(PolicyRecycle, ReplacesOneAfterTheOtherWhenAllWishItTogether) {  // fault 30
  PolicyHarness h{{.workers = 3}};
  all_wish(h.boot(), 3);
  EXPECT_EQ(h.actions(), "spawn 4 in 0 of 1");
  EXPECT_EQ(h.up(4).actions(), "retire 1, spawn 5 in 1 of 1");
  EXPECT_EQ(h.up(5).actions(), "retire 2, spawn 6 in 2 of 1");
  EXPECT_EQ(h.up(6).pass(1h).actions().substr(0, 8), "retire 3");
  EXPECT_TRUE(h.logged("worker 0 (pid 101) is to be replaced: full"));
}

TEST(PolicyRecycle, ReplacesSeveralAtOnceIfItMay) {
  PolicyHarness h{{.workers = 4, .max_surge = 3}};
  all_wish(h.boot(), 4);
  EXPECT_EQ(h.actions(), "spawn 5 in 0 of 1, spawn 6 in 1 of 1, spawn 7 in 2 of 1");
  EXPECT_EQ(h.up(6).actions(), "retire 2, spawn 8 in 3 of 1");
  EXPECT_EQ(h.up(8).up(7).up(5).actions(), "retire 4, retire 3, retire 1");
}

TEST(PolicyRecycle, WhoWaitsLongestComesFirst) {
  PolicyHarness h{{.workers = 3}};
  h.boot().send(WorkerRetireWish{1, "full"}).pass(1s).send(WorkerRetireWish{3, "full"}).up(4);
  EXPECT_EQ(h.actions(), "spawn 4 in 0 of 1, retire 1, spawn 5 in 2 of 1");
  h.pass(1s).send(WorkerRetireWish{2, "full"}).pass(1s).send(WorkerRetireWish{4, "full"});
  EXPECT_EQ(h.up(5).actions(), "retire 3, spawn 6 in 1 of 1") << "not slot 0 again";
  EXPECT_EQ(h.up(6).actions(), "retire 2, spawn 7 in 0 of 1");
}

TEST(PolicyRecycle, BrokenCodeKeepsTheOldWorkerAndIsTriedAgain) {  // fault 30
  PolicyHarness h{{.workers = 2, .backoff_jitter = 0}};
  h.boot().send(WorkerRetireWish{2, "full"}).boot_fails(3).exit(3, 4);
  EXPECT_EQ(h.actions(), "spawn 3 in 1 of 1");
  EXPECT_EQ(h.pass(100ms - 1ns).actions(), "");
  EXPECT_EQ(h.pass(1ns).actions(), "spawn 4 in 1 of 1");
  EXPECT_EQ(h.boot_fails(4).exit(4, 4).pass(200ms - 1ns).actions(), "");
  EXPECT_EQ(h.pass(1ns).actions(), "spawn 5 in 1 of 1");
  EXPECT_EQ(h.roster(), "R1 R1 B1");
  EXPECT_EQ(h.up(5).actions(), "retire 2");
}

TEST(PolicyRecycle, ALifetimeEndsATenthEarlierOrLater) {
  PolicyHarness h{{.workers = 1, .worker_lifetime = 1000s}};
  h.boot();
  EXPECT_EQ(h.pass(898s).actions(), "");
  EXPECT_EQ(h.tick_at_deadline().actions(), "spawn 2 in 0 of 1");
  EXPECT_LE(h.now(), TimePoint(1h) + 1100s);
  EXPECT_TRUE(h.logged("is to be replaced: its lifetime is over"));
  EXPECT_EQ(h.up(2).actions(), "retire 1");
}

TEST(PolicyRecycle, LifetimesOfWorkersThatStartedTogetherDiffer) {
  PolicyHarness h{{.workers = 8, .worker_lifetime = 1000s, .lifetime_jitter = 0.1}};
  h.boot();
  h.tick_at_deadline();
  EXPECT_EQ(h.spawn_count(), 9u);
  EXPECT_EQ(std::ranges::count(h.roster(), 'B'), 1);
}

TEST(PolicyRecycle, AReloadsCanaryGoesAloneAndTheOthersTogether) {
  PolicyHarness h{{.workers = 4, .max_surge = 4}};
  h.boot().send(ReloadRequested{}).zygote_ready(2);
  EXPECT_EQ(h.actions(), "zygote 2, spawn 5 in 0 of 2");
  EXPECT_EQ(h.up(5).pass(1s).actions(),
            "retire 1, spawn 6 in 1 of 2, spawn 7 in 2 of 2, spawn 8 in 3 of 2");
  EXPECT_EQ(h.up(7).up(8).actions(), "retire 3, retire 4");
  EXPECT_EQ(h.up(6).actions(), "retire 2, stop zygote 1");
  EXPECT_TRUE(h.logged("reloaded: generation 2 serves with 4 workers"));
}

TEST(PolicyRecycle, AFailureOfOneOfManyUndoesThemAll) {
  PolicyHarness h{{.workers = 4, .max_surge = 3}};
  h.boot().send(ReloadRequested{}).zygote_ready(2).up(5).pass(1s).forget();
  EXPECT_EQ(h.up(6).boot_fails(7).actions(),
            "retire 2, quit 8, spawn 9 in 0 of 1, spawn 10 in 1 of 1");
  EXPECT_EQ(h.up(9).up(10).actions(), "retire 5, retire 6");
  EXPECT_FALSE(h.policy().rolling());
}

}  // namespace
}  // namespace tricorn
