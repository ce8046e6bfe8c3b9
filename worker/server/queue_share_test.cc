// Which queues of a shared address a worker serves, whoever else is there.
#include "worker/server/queue_share.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tricorn {
namespace {

// "01 12": queue 0 is served by slots 0 and 1, queue 1 by 1 and 2.
std::string servers(uint32_t parts, const std::vector<uint32_t>& slots) {
  std::string text;
  for (uint32_t part = 0; part < parts; ++part) {
    if (part > 0) text += ' ';
    for (const uint32_t slot : slots) {
      if (serves_queue(part, parts, slot, slots)) text += std::to_string(slot);
    }
  }
  return text;
}

TEST(QueueShare, EachQueueIsServedByTwoWorkers) {
  EXPECT_EQ(servers(4, {0, 1, 2, 3}), "01 12 23 03");
  EXPECT_EQ(servers(2, {0, 1}), "01 01");
  EXPECT_EQ(servers(1, {0}), "0");
}

TEST(QueueShare, WhoFollowsTakesThePlaceOfAMissingOne) {
  EXPECT_EQ(servers(4, {0, 2, 3}), "02 23 23 03");
  EXPECT_EQ(servers(4, {2}), "2 2 2 2") << "while the others boot";
  EXPECT_EQ(servers(4, {0, 1}), "01 01 01 01") << "after two TTOU";
  EXPECT_EQ(servers(4, {0, 3}), "03 03 03 03");
}

TEST(QueueShare, WorkersBeyondTheQueuesBeginAgain) {
  EXPECT_EQ(servers(2, {0, 1, 2, 3}), "0123 0123");
  EXPECT_EQ(servers(4, {0, 1, 2, 3, 4}), "014 12 23 034");
  EXPECT_EQ(servers(1, {0, 1, 2}), "012");
}

TEST(QueueShare, OldAndNewWorkerOfASlotServeTheSame) {
  EXPECT_EQ(servers(4, {0, 0, 1, 2, 3}), "001 12 23 003");
}

TEST(QueueShare, WhoIsNotKnownToBeReadyCountsItself) {
  EXPECT_TRUE(serves_queue(0, 4, 0, {}));
  const std::array<uint32_t, 3> others = {0, 2, 3};
  EXPECT_TRUE(serves_queue(1, 4, 1, others));
  EXPECT_TRUE(serves_queue(0, 4, 1, others));
  EXPECT_FALSE(serves_queue(2, 4, 1, others));
}

TEST(QueueShare, OnlyTheReadyAndAliveCount) {
  const TimePoint now{std::chrono::hours(1)};
  std::array<WorkerBlock, 4> blocks;
  for (uint32_t i = 0; i < blocks.size(); ++i) {
    blocks[i].slot = 10 + i;
    blocks[i].state = WorkerState::kReady;
    blocks[i].heartbeat_ns = static_cast<uint64_t>(now.time_since_epoch().count());
  }
  blocks[1].state = WorkerState::kDraining;
  blocks[2].heartbeat_ns = 0;
  EXPECT_EQ(ready_slots(blocks, now), (std::vector<uint32_t>{10, 13}));
}

}  // namespace
}  // namespace tricorn
