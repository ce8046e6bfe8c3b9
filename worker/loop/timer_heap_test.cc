// TimerHeap: order, ties, lazy cancel.
#include "worker/loop/timer_heap.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>
#include <vector>

namespace tricorn {
namespace {

std::vector<int> drain(TimerHeap<int>& heap) {
  std::vector<int> items;
  while (!heap.empty()) items.push_back(heap.pop());
  return items;
}

TEST(TimerHeap, GivesTheEarliestFirst) {
  TimerHeap<int> heap;
  heap.push(3.0, 3);
  heap.push(1.0, 1);
  heap.push(std::numeric_limits<double>::infinity(), 4);
  heap.push(2.0, 2);
  heap.push(-std::numeric_limits<double>::infinity(), 0);
  EXPECT_EQ(heap.top(), 0);
  EXPECT_EQ(drain(heap), (std::vector{0, 1, 2, 3, 4}));
}

TEST(TimerHeap, IsFirstInFirstOutAmongEquals) {
  TimerHeap<int> heap;
  for (int i = 0; i < 50; ++i) heap.push(i < 25 ? 2.0 : 1.0, i);
  std::vector<int> items = drain(heap);
  for (int i = 0; i < 25; ++i) {
    EXPECT_EQ(items[i], i + 25);
    EXPECT_EQ(items[i + 25], i);
  }
}

TEST(TimerHeap, SortsLikeSortUnderRandomUse) {
  std::mt19937 random(1);
  TimerHeap<int> heap;
  std::multiset<int> model;
  for (int step = 0; step < 20'000; ++step) {
    if (heap.empty() || random() % 5 < 3) {
      int when = static_cast<int>(random() % 1000);
      heap.push(when, when);
      model.insert(when);
    } else {
      ASSERT_EQ(heap.top_when(), *model.begin());
      ASSERT_EQ(heap.pop(), *model.begin());
      model.erase(model.begin());
    }
  }
}

TEST(TimerHeap, SweepsOnlyWhenMoreThanHalfOfManyAreCancelled) {
  TimerHeap<int> heap;
  auto is_odd = [](int item) { return item % 2 == 1; };
  for (int i = 0; i < 100; ++i) heap.push(i, i);
  for (int i = 0; i < 60; ++i) heap.note_cancelled();
  EXPECT_TRUE(heap.drop_cancelled(is_odd).empty()) << "100 entries are too few to bother";
  for (int i = 100; i < 140; ++i) heap.push(i, i);
  EXPECT_TRUE(heap.drop_cancelled(is_odd).empty()) << "60 of 140 are less than half";
  for (int i = 0; i < 11; ++i) heap.note_cancelled();
  EXPECT_EQ(heap.drop_cancelled(is_odd).size(), 70U);
  std::vector<int> left = drain(heap);
  ASSERT_EQ(left.size(), 70U);
  for (int i = 0; i < 70; ++i) EXPECT_EQ(left[i], 2 * i);
}

TEST(TimerHeap, CountsPoppedCancelledItemsNoMore) {
  TimerHeap<int> heap;
  for (int i = 0; i < 202; ++i) heap.push(i, i);
  for (int i = 0; i < 102; ++i) heap.note_cancelled();
  heap.pop();
  heap.forget_cancelled();
  heap.forget_cancelled();
  EXPECT_TRUE(heap.drop_cancelled([](int) { return true; }).empty());
}

}  // namespace
}  // namespace tricorn
