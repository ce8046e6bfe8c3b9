// When memory is too much: how many samples it takes, and what starts the count over.
#include "supervisor/policy/rss_watch.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

constexpr uint64_t kMib = 1 << 20;

class RssWatchTest : public testing::Test {
 protected:
  // The workers that are to be replaced, as "1 3 ".
  std::string check(std::vector<RssSample> samples) {
    std::string workers;
    for (const WorkerRetireWish& wish : watch.check(samples)) {
      workers += std::to_string(wish.worker) + " ";
    }
    return workers;
  }
  RssWatch watch{{.max_bytes = 100 * kMib, .samples = 3}};
};

TEST_F(RssWatchTest, NamesAWorkerOnceAfterSeveralSamplesInARow) {
  EXPECT_EQ(check({{1, 101 * kMib}, {2, 100 * kMib}}), "");
  EXPECT_EQ(check({{1, 101 * kMib}, {2, 101 * kMib}}), "");
  EXPECT_EQ(check({{1, 101 * kMib}, {2, 101 * kMib}}), "1 ");
  EXPECT_EQ(check({{1, 101 * kMib}, {2, 101 * kMib}}), "2 ");
  EXPECT_EQ(check({{1, 101 * kMib}, {2, 101 * kMib}}), "");
}

TEST_F(RssWatchTest, OnePeakIsNoLeak) {
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(check({{1, 500 * kMib}}), "");
    EXPECT_EQ(check({{1, 500 * kMib}}), "");
    EXPECT_EQ(check({{1, 50 * kMib}}), "");
  }
}

TEST_F(RssWatchTest, AWorkerThatWasNotSeenStartsOver) {
  EXPECT_EQ(check({{1, 500 * kMib}}), "");
  EXPECT_EQ(check({{1, 500 * kMib}}), "");
  EXPECT_EQ(check({}), "");
  EXPECT_EQ(check({{1, 500 * kMib}}), "");
}

TEST_F(RssWatchTest, SaysHowMuchItIs) {
  const std::vector<RssSample> samples = {{1, 150 * kMib + kMib / 2}};
  watch.check(samples);
  watch.check(samples);
  EXPECT_EQ(watch.check(samples).at(0).reason,
            "it holds 150.5 MiB of memory, 100.0 MiB are allowed");
}

TEST(RssWatch, IsOffWithoutALimit) {
  EXPECT_FALSE(RssWatch({}).active());
  EXPECT_TRUE(RssWatch({.max_bytes = 1}).active());
}

}  // namespace
}  // namespace tricorn
