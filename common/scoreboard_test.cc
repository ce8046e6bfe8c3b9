// Scoreboard: one memory seen through several mappings, and a refusal of any other memory.
#include "common/scoreboard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cstdint>
#include <utility>

namespace tricorn {
namespace {

TEST(Scoreboard, StartsFreeAndZeroed) {
  auto board = Scoreboard::create();
  ASSERT_TRUE(board.has_value()) << board.error().message;
  EXPECT_EQ(board->layout().blocks_used.load(), 0u);
  for (size_t index : {size_t{0}, kMaxBlocks - 1}) {
    EXPECT_EQ(board->block(index).state.load(), WorkerState::kFree);
    EXPECT_EQ(board->block(index).requests.load(), 0u);
  }
  EXPECT_EQ(::fcntl(board->fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(Scoreboard, BlocksDoNotShareCacheLines) {
  auto board = Scoreboard::create();
  ASSERT_TRUE(board.has_value());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&board->block(0)) % 64, 0u);
  EXPECT_EQ(sizeof(WorkerBlock) % 64, 0u);
}

TEST(Scoreboard, AttachSeesTheSameMemory) {
  auto board = Scoreboard::create();
  ASSERT_TRUE(board.has_value());
  auto other = Scoreboard::attach(UniqueFd(::dup(board->fd())));
  ASSERT_TRUE(other.has_value()) << other.error().message;
  other->block(3).connections.store(17);
  EXPECT_EQ(board->block(3).connections.load(), 17u);
}

TEST(Scoreboard, AForkedChildWritesToIt) {
  auto board = Scoreboard::create();
  ASSERT_TRUE(board.has_value());
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    board->block(1).requests.store(42);
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(board->block(1).requests.load(), 42u);
}

TEST(Scoreboard, SurvivesAMove) {
  auto board = Scoreboard::create();
  ASSERT_TRUE(board.has_value());
  board->block(0).slot.store(5);
  Scoreboard moved = std::move(*board);
  EXPECT_EQ(moved.block(0).slot.load(), 5u);
}

TEST(Scoreboard, RefusesMemoryOfAnotherSize) {
  UniqueFd fd(::memfd_create("other", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(fd.get(), 64), 0);
  auto board = Scoreboard::attach(std::move(fd));
  ASSERT_FALSE(board.has_value());
  EXPECT_NE(board.error().message.find("64 bytes"), std::string::npos);
}

TEST(Scoreboard, RefusesABadDescriptor) {
  auto board = Scoreboard::attach(UniqueFd());
  ASSERT_FALSE(board.has_value());
  EXPECT_EQ(board.error().sys_errno, EBADF);
}

TEST(Scoreboard, CannotBeShrunk) {
  auto board = Scoreboard::create();
  ASSERT_TRUE(board.has_value());
  EXPECT_EQ(::ftruncate(board->fd(), 64), -1);
  EXPECT_EQ(errno, EPERM);
}

}  // namespace
}  // namespace tricorn
