// Blocks are unique while taken, cleared when freed, and reused from the lowest on.
#include "supervisor/boards.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(Boards, HandsOutTheLowestFreeBlockCleared) {
  auto scoreboard = Scoreboard::create();
  ASSERT_TRUE(scoreboard);
  Boards boards(*scoreboard);
  EXPECT_EQ(boards.acquire(0, 1), 0u);
  EXPECT_EQ(boards.acquire(1, 1), 1u);
  scoreboard->block(0).requests = 7;
  boards.release(0);
  EXPECT_EQ(scoreboard->block(0).state.load(), WorkerState::kFree);
  EXPECT_EQ(boards.acquire(5, 2), 0u);
  EXPECT_EQ(scoreboard->block(0).requests.load(), 0u);
  EXPECT_EQ(scoreboard->block(0).slot.load(), 5u);
  EXPECT_EQ(scoreboard->block(0).generation.load(), 2u);
  EXPECT_EQ(scoreboard->block(0).state.load(), WorkerState::kBooting);
  EXPECT_EQ(scoreboard->layout().blocks_used.load(), 2u);
}

TEST(Boards, RefusesWhenAllAreTaken) {
  auto scoreboard = Scoreboard::create();
  ASSERT_TRUE(scoreboard);
  Boards boards(*scoreboard);
  for (uint32_t i = 0; i < kMaxBlocks; ++i) ASSERT_EQ(boards.acquire(0, 1), i);
  EXPECT_EQ(boards.acquire(0, 1), std::nullopt);
  boards.release(17);
  EXPECT_EQ(boards.acquire(0, 1), 17u);
}

}  // namespace
}  // namespace tricorn
