// The watchdog's thread: what it tells, and that it ends, here and in a fork.
#include "worker/observe/loop_watchdog.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <semaphore>

namespace tricorn {
namespace {

void beat(WorkerBlock& block) {
  block.heartbeat_ns =
      static_cast<uint64_t>(monotonic_now().time_since_epoch() / std::chrono::nanoseconds(1));
}

const LoopWatchdog::Orphanhood kWithParent{.parent = ::getppid(), .grace = {}};

TEST(LoopWatchdog, TellsOfAStuckLoopFromAThreadThatTakesNoSignals) {
  WorkerBlock block;
  beat(block);
  std::binary_semaphore told(0);
  sigset_t mask;
  Duration stuck_for{};
  auto dog = LoopWatchdog::start(
      milliseconds(100), block,
      [&](Duration silence) {
        stuck_for = silence;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        told.release();
      },
      kWithParent);
  ASSERT_TRUE(dog);
  told.acquire();
  EXPECT_GE(stuck_for, milliseconds(80));
  EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
  EXPECT_EQ(sigismember(&mask, SIGRTMAX - 2), 1);
  sigset_t ours;
  pthread_sigmask(SIG_SETMASK, nullptr, &ours);
  EXPECT_EQ(sigismember(&ours, SIGTERM), 0);
}

TEST(LoopWatchdog, EndsAtOnceHoweverLongItsSleep) {
  WorkerBlock block;
  beat(block);
  auto dog = LoopWatchdog::start(std::chrono::hours(24), block, [](Duration) {}, kWithParent);
  ASSERT_TRUE(dog);
  dog->reset();
}

TEST(LoopWatchdog, AForkOfTheAppDoesNotWaitForAThreadThatItDoesNotHave) {
  WorkerBlock block;
  beat(block);
  auto dog = LoopWatchdog::start(std::chrono::hours(24), block, [](Duration) {}, kWithParent);
  ASSERT_TRUE(dog);
  const pid_t child = ::fork();
  if (child == 0) {
    dog->reset();
    ::_exit(0);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(LoopWatchdog, EndsAStuckProcessThatHasAnotherParentThanItsMaster) {
  const pid_t child = ::fork();
  if (child == 0) {
    WorkerBlock block;
    beat(block);
    const LoopWatchdog::Orphanhood orphan{.parent = ::getppid() + 1, .grace = milliseconds(50)};
    auto dog = LoopWatchdog::start(std::chrono::hours(24), block, [](Duration) {}, orphan);
    for (;;) ::pause();
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

}  // namespace
}  // namespace tricorn
