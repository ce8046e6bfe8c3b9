// How exits read.
#include "supervisor/policy/policy_types.h"

#include <gtest/gtest.h>

#include <csignal>

namespace tricorn {
namespace {

TEST(ExitStatus, ReadsInPlainWords) {
  EXPECT_EQ(describe({.code = 3}), "exit code 3");
  EXPECT_EQ(describe({.signal = SIGKILL}), "signal 9 (SIGKILL)");
  EXPECT_EQ(describe({.signal = 99}), "signal 99");
  EXPECT_EQ(describe_end({.code = 0}), "ended with exit code 0");
  EXPECT_EQ(describe_end({.signal = SIGSEGV}), "killed by signal 11 (SIGSEGV)");
}

}  // namespace
}  // namespace tricorn
