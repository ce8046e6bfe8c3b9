// Near misses: typing errors are recognised, other words are not.
#include "common/near_miss.h"

#include <gtest/gtest.h>

#include <array>

namespace tricorn {
namespace {

constexpr std::array<std::string_view, 5> kKnown = {"workers", "port", "host", "timeout-boot",
                                                    "timeout-header"};

TEST(NearMiss, RecognisesTypingErrors) {
  EXPECT_EQ(near_miss("worker", kKnown), "workers");
  EXPECT_EQ(near_miss("wrokers", kKnown), "workers");
  EXPECT_EQ(near_miss("workerss", kKnown), "workers");
  EXPECT_EQ(near_miss("prot", kKnown), "port");
  EXPECT_EQ(near_miss("timeout-hedaer", kKnown), "timeout-header");
  EXPECT_EQ(near_miss("work", kKnown), "workers");  // a beginning
}

TEST(NearMiss, LeavesOtherWordsAlone) {
  EXPECT_EQ(near_miss("banana", kKnown), "");
  EXPECT_EQ(near_miss("x", kKnown), "");
  EXPECT_EQ(near_miss("brokers", kKnown), "");
  EXPECT_EQ(near_miss("", kKnown), "");
  EXPECT_EQ(near_miss("time", kKnown), "") << "the beginning of two";
}

}  // namespace
}  // namespace tricorn
