// The accept balance: rules as a table, and what counts as a sibling.
#include "worker/server/accept_balance.h"

#include <gtest/gtest.h>

#include <array>

namespace tricorn {
namespace {

TEST(NextWaitingPlace, FollowsTheTable) {
  struct Case {
    uint32_t own;
    std::optional<uint32_t> least;
    uint32_t accepts;
    WaitingPlace place;
  };
  const Case cases[] = {
      {1000, std::nullopt, 99, WaitingPlace::kKeep},  // alone
      {0, 0, 1, WaitingPlace::kKeep},
      {3, 5, 1, WaitingPlace::kKeep},
      {3, 5, kRotateEvery, WaitingPlace::kBack},
      {1, 0, 1, WaitingPlace::kBack},
      {4, 0, 1, WaitingPlace::kBack},
      {5, 0, 1, WaitingPlace::kStepOutside},
      {36, 32, 1, WaitingPlace::kBack},
      {37, 32, 1, WaitingPlace::kStepOutside},
      {1120, 1000, 1, WaitingPlace::kBack},  // 12 % of 1000
      {1121, 1000, 1, WaitingPlace::kStepOutside},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(next_waiting_place(c.own, c.least, c.accepts), c.place)
        << c.own << " against " << c.least.value_or(-1) << " after " << c.accepts;
  }
}

TEST(CatchUpBudget, FollowsTheTable) {
  struct Case {
    uint32_t own;
    std::optional<uint32_t> least;
    uint32_t budget;
  };
  const Case cases[] = {
      {1000, std::nullopt, 16},  // alone
      {0, 0, 4},
      {40, 0, 4},
      {5, 8, 7},
      {8, 5, 4},
      {0, 100, 16},
      {105, 100, 7},  // 12 % of 100
  };
  for (const Case& c : cases) {
    EXPECT_EQ(catch_up_budget(c.own, c.least), c.budget)
        << c.own << " against " << c.least.value_or(-1);
  }
}

class LeastLoadedSibling : public testing::Test {
 protected:
  void set(size_t board, WorkerState state, uint32_t connections, TimePoint beat) {
    blocks_[board].state = state;
    blocks_[board].connections = connections;
    blocks_[board].heartbeat_ns = static_cast<uint64_t>(beat.time_since_epoch().count());
  }
  std::optional<uint32_t> least() { return least_loaded_sibling(blocks_, 0, now_); }
  const TimePoint now_{std::chrono::hours(1)};
  std::array<WorkerBlock, 4> blocks_;
};

TEST_F(LeastLoadedSibling, IsNoneAlone) {
  set(0, WorkerState::kReady, 7, now_);
  EXPECT_EQ(least(), std::nullopt);
}

TEST_F(LeastLoadedSibling, IsTheLeastAmongTheReady) {
  set(0, WorkerState::kReady, 0, now_);
  set(1, WorkerState::kReady, 9, now_);
  set(2, WorkerState::kReady, 5, now_);
  set(3, WorkerState::kBooting, 0, now_);
  EXPECT_EQ(least(), 5u);
  blocks_[3].state = WorkerState::kDraining;
  EXPECT_EQ(least(), 5u);
}

TEST_F(LeastLoadedSibling, LeavesNothingToAStuckOne) {
  set(1, WorkerState::kReady, 9, now_ - std::chrono::milliseconds(600));
  set(2, WorkerState::kReady, 0, now_ - kSiblingAlive);
  EXPECT_EQ(least(), 9u);
}

}  // namespace
}  // namespace tricorn
