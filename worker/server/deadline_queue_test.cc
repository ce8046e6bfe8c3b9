// DeadlineQueue: order, replacement, removal.
#include "worker/server/deadline_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace tricorn {
namespace {

using std::chrono::seconds;

struct Item : Deadline {};

TimePoint at(int64_t second) { return TimePoint(seconds(second)); }

class DeadlineQueueTest : public testing::Test {
 protected:
  static std::array<Duration, kDeadlineKinds> durations() {
    std::array<Duration, kDeadlineKinds> all{};
    all[static_cast<size_t>(DeadlineKind::kHeader)] = seconds(10);
    all[static_cast<size_t>(DeadlineKind::kKeepAlive)] = seconds(75);
    all[static_cast<size_t>(DeadlineKind::kLinger)] = seconds(2);
    return all;
  }
  // The items that are due at `now`, in order, with their kinds.
  std::vector<std::pair<Deadline*, DeadlineKind>> due(TimePoint now) {
    std::vector<std::pair<Deadline*, DeadlineKind>> all;
    DeadlineKind kind{};
    while (Deadline* item = queue_.pop_due(now, kind)) all.emplace_back(item, kind);
    return all;
  }
  DeadlineQueue queue_{durations()};
  Item a_, b_, c_;
};

TEST_F(DeadlineQueueTest, IsEmptyAtFirst) {
  EXPECT_FALSE(queue_.earliest());
  EXPECT_TRUE(due(at(1000)).empty());
}

TEST_F(DeadlineQueueTest, ComesDueByKindAndTime) {
  EXPECT_EQ(queue_.arm(a_, DeadlineKind::kKeepAlive, at(0)), at(75));
  EXPECT_EQ(queue_.arm(b_, DeadlineKind::kHeader, at(1)), at(11));
  EXPECT_EQ(queue_.arm(c_, DeadlineKind::kHeader, at(2)), at(12));
  EXPECT_EQ(queue_.earliest(), at(11));
  EXPECT_TRUE(due(at(10)).empty());
  EXPECT_EQ(due(at(11)),
            (std::vector<std::pair<Deadline*, DeadlineKind>>{{&b_, DeadlineKind::kHeader}}));
  EXPECT_EQ(b_.deadline_kind(), DeadlineKind::kNone);
  EXPECT_EQ(queue_.earliest(), at(12));
  EXPECT_EQ(due(at(100)).size(), 2u);
  EXPECT_FALSE(queue_.earliest());
}

TEST_F(DeadlineQueueTest, ArmingAgainReplaces) {
  queue_.arm(a_, DeadlineKind::kHeader, at(0));
  queue_.arm(b_, DeadlineKind::kHeader, at(1));
  queue_.arm(a_, DeadlineKind::kHeader, at(5));
  EXPECT_EQ(queue_.earliest(), at(11));
  queue_.arm(b_, DeadlineKind::kKeepAlive, at(6));
  EXPECT_EQ(queue_.earliest(), at(15));
  EXPECT_EQ(b_.deadline_kind(), DeadlineKind::kKeepAlive);
}

TEST_F(DeadlineQueueTest, CancelIsIdempotent) {
  queue_.arm(a_, DeadlineKind::kLinger, at(0));
  queue_.cancel(a_);
  queue_.cancel(a_);
  EXPECT_FALSE(queue_.earliest());
  EXPECT_TRUE(due(at(100)).empty());
}

TEST_F(DeadlineQueueTest, RemovingFromTheMiddleKeepsTheOrder) {
  for (Item* item : {&a_, &b_, &c_}) queue_.arm(*item, DeadlineKind::kHeader, at(0));
  queue_.cancel(b_);
  auto all = due(at(10));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].first, &a_);
  EXPECT_EQ(all[1].first, &c_);
}

}  // namespace
}  // namespace tricorn
