// sys(): the message names the call and its subject, EINTR is retried, errno survives.
#include "common/syscall.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(Syscall, NamesCallAndSubject) {
  auto fd = sys("open", "/no/such/file", [] { return ::open("/no/such/file", O_RDONLY); });
  ASSERT_FALSE(fd.has_value());
  EXPECT_EQ(fd.error().message, "open /no/such/file: No such file or directory");
  EXPECT_EQ(fd.error().sys_errno, ENOENT);
}

TEST(Syscall, OmitsAnEmptySubject) {
  EXPECT_EQ(describe_errno("fork", "", EAGAIN), "fork: Resource temporarily unavailable");
}

TEST(Syscall, RetriesInterruptedCalls) {
  int calls = 0;
  auto value = sys("read", "pipe", [&] {
    errno = EINTR;
    return ++calls < 3 ? -1 : 7;
  });
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(*value, 7);
  EXPECT_EQ(calls, 3);
}

TEST(Syscall, AcceptsPointerSizedResults) {
  auto size = sys("readlink", "x", [] {
    errno = EINVAL;
    return static_cast<ssize_t>(-1);
  });
  ASSERT_FALSE(size.has_value());
  EXPECT_EQ(size.error().sys_errno, EINVAL);
}

}  // namespace
}  // namespace tricorn
