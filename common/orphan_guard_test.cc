// The guard, with a parent that dies after it was asked for, and before (fault 24).
#include "common/orphan_guard.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "common/unique_fd.h"

namespace tricorn {
namespace {

constexpr int kOrphan = 42;  // exit code of a child that found its parent dead

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  void say() { EXPECT_EQ(::write(write_end.get(), "x", 1), 1); }
  void await() {
    char word;
    EXPECT_EQ(::read(read_end.get(), &word, 1), 1);
  }
  UniqueFd read_end, write_end;
};

class OrphanGuardTest : public testing::Test {
 protected:
  // Orphans become our children.
  void SetUp() override { ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0); }
  void TearDown() override { ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); }

  // A parent that waits to be killed, and its child that waits for `may_guard` before it asks.
  void start_family(Pipe& may_guard, Pipe& guarded) {
    Pipe born;
    parent_ = ::fork();
    if (parent_ != 0) return born.await();
    pid_t parent = ::getpid();
    if (::fork() == 0) {
      born.say();
      may_guard.await();
      if (!end_with_parent(parent)) ::_exit(kOrphan);
      guarded.say();
      for (;;) ::pause();
    }
    for (;;) ::pause();
  }
  void kill_parent() {
    ::kill(parent_, SIGKILL);
    ASSERT_EQ(::waitpid(parent_, nullptr, 0), parent_);
  }
  static int child_status() {
    int status = 0;
    EXPECT_GT(::waitpid(-1, &status, 0), 0);
    return status;
  }
  pid_t parent_ = 0;
};

TEST_F(OrphanGuardTest, ParentThatDiesTakesTheChildAlong) {
  Pipe may_guard, guarded;
  start_family(may_guard, guarded);
  may_guard.say();
  guarded.await();
  kill_parent();
  int status = child_status();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST_F(OrphanGuardTest, ParentThatIsDeadIsNoticed) {
  Pipe may_guard, guarded;
  start_family(may_guard, guarded);
  kill_parent();
  may_guard.say();
  int status = child_status();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kOrphan);
}

}  // namespace
}  // namespace tricorn
