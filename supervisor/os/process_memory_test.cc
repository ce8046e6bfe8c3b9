// The memory of this process, and of none.
#include "supervisor/os/process_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace tricorn {
namespace {

TEST(ProcessMemory, GrowsWithWhatIsTouched) {
  auto before = resident_bytes(::getpid());
  ASSERT_TRUE(before.has_value());
  EXPECT_GT(*before, 0u);
  std::vector<char> touched(64 << 20);
  std::memset(touched.data(), 1, touched.size());
  EXPECT_GE(*resident_bytes(::getpid()), *before + (60u << 20));
}

TEST(ProcessMemory, NobodyHasNone) { EXPECT_FALSE(resident_bytes(0).has_value()); }

}  // namespace
}  // namespace tricorn
