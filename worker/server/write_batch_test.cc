// WriteBatch: who may wait, and until when.
#include "worker/server/write_batch.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

using std::chrono::microseconds;

class WriteBatchTest : public testing::Test {
 protected:
  // One read after the other, each dealt with in `spent`. Whether the last one's output may wait.
  bool read(Duration spent, size_t bytes = 100) {
    if (!batch_.open()) batch_.open(now_);
    now_ += spent;
    return batch_.may_wait(now_, bytes);
  }
  void read_a_row(Duration spent) {
    for (uint32_t i = 0; i < WriteBatch::kRow; ++i) {
      read(spent);
      if (batch_.is_due()) batch_.close();
    }
  }

  WriteBatch batch_;
  TimePoint now_{};
};

TEST_F(WriteBatchTest, NobodyWaitsForAnAppThatIsNotKnownToBeFast) {
  for (uint32_t i = 1; i < WriteBatch::kRow; ++i) EXPECT_FALSE(read(microseconds(1)));
  EXPECT_TRUE(read(microseconds(1)));
}

TEST_F(WriteBatchTest, OneSlowAnswerEndsTheRow) {
  read_a_row(microseconds(1));
  EXPECT_TRUE(read(WriteBatch::kFast));
  EXPECT_FALSE(read(WriteBatch::kFast + microseconds(1)));
  EXPECT_FALSE(read(microseconds(1)));
  read_a_row(microseconds(1));
  EXPECT_TRUE(read(microseconds(1)));
}

TEST_F(WriteBatchTest, TimeBetweenBatchesIsNotTheApps) {
  read_a_row(microseconds(1));
  batch_.close();
  now_ += std::chrono::seconds(1);
  EXPECT_TRUE(read(microseconds(1)));
  EXPECT_FALSE(batch_.is_due());
}

TEST_F(WriteBatchTest, IsDueAfterTheLongestWait) {
  read_a_row(microseconds(1));
  batch_.close();
  read(WriteBatch::kLongest / 2);
  EXPECT_FALSE(batch_.is_due());
  read(WriteBatch::kLongest / 2);
  EXPECT_TRUE(batch_.is_due());
}

TEST_F(WriteBatchTest, IsDueWhenAFewWait) {
  read_a_row(microseconds(1));
  batch_.close();
  for (uint32_t i = 1; i < WriteBatch::kMostWaiting; ++i) {
    EXPECT_TRUE(read(Duration::zero()));
    EXPECT_FALSE(batch_.is_due());
  }
  EXPECT_TRUE(read(Duration::zero()));
  EXPECT_TRUE(batch_.is_due());
}

TEST_F(WriteBatchTest, OnlySmallOutputWaits) {
  read_a_row(microseconds(1));
  EXPECT_FALSE(read(microseconds(1), 0));
  EXPECT_TRUE(read(microseconds(1), WriteBatch::kMostBytes));
  EXPECT_FALSE(read(microseconds(1), WriteBatch::kMostBytes + 1));
}

}  // namespace
}  // namespace tricorn
