// ReadyRing: order across growth and wrap-around, ownership of what it holds.
#include "worker/loop/ready_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace tricorn {
namespace {

TEST(ReadyRing, GivesItemsBackInOrder) {
  ReadyRing<int> ring;
  EXPECT_TRUE(ring.empty());
  for (int i = 1; i <= 3; ++i) ring.push(i);
  EXPECT_EQ(ring.size(), 3U);
  EXPECT_EQ(ring.pop(), 1);
  EXPECT_EQ(ring.pop(), 2);
  ring.push(4);
  EXPECT_EQ(ring.pop(), 3);
  EXPECT_EQ(ring.pop(), 4);
  EXPECT_TRUE(ring.empty());
}

TEST(ReadyRing, KeepsOrderWhenItGrowsWhileWrapped) {
  ReadyRing<int> ring;
  int next_in = 0;
  int next_out = 0;
  // Three in, two out: the front wanders round the ring while the ring grows several times.
  for (int step = 0; step < 1000; ++step) {
    for (int i = 0; i < 3; ++i) ring.push(next_in++);
    for (int i = 0; i < 2; ++i) ASSERT_EQ(ring.pop(), next_out++);
  }
  while (!ring.empty()) ASSERT_EQ(ring.pop(), next_out++);
  EXPECT_EQ(next_out, next_in);
}

TEST(ReadyRing, VisitsFromOldestToNewest) {
  ReadyRing<int> ring;
  for (int i = 0; i < 70; ++i) ring.push(i);
  for (int i = 0; i < 67; ++i) ring.pop();
  for (int i = 70; i < 72; ++i) ring.push(i);
  std::vector<int> seen;
  ring.for_each([&](int item) { seen.push_back(item); });
  EXPECT_EQ(seen, (std::vector{67, 68, 69, 70, 71}));
}

TEST(ReadyRing, LeavesNothingBehindInPoppedSlots) {
  ReadyRing<std::shared_ptr<int>> ring;
  auto item = std::make_shared<int>(7);
  ring.push(item);
  EXPECT_EQ(*ring.pop(), 7);
  EXPECT_EQ(item.use_count(), 1);
}

}  // namespace
}  // namespace tricorn
