// Real processes: what they inherit, how they are signalled and reaped; and signals as events.
#include "supervisor/os/process_ops.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "supervisor/os/signals.h"

namespace tricorn {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  // Until every writer is gone.
  std::string read_all() {
    write_end.reset();
    std::string text;
    char buffer[256];
    for (ssize_t size; (size = ::read(read_end.get(), buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(size));
    }
    return text;
  }
  UniqueFd read_end, write_end;
};

// The only child's end, waited for by its SIGCHLD.
ReapedChild await_child() {
  EventLoop loop;
  std::optional<ReapedChild> child;
  auto signals = SignalSource::create(loop, [&](int signal) {
    if (signal == SIGCHLD) child = reap_child();
    if (child) loop.stop();
  });
  child = reap_child();
  if (!child) loop.run();
  return *child;
}

class ProcessOpsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(block_master_signals()); }
};

TEST_F(ProcessOpsTest, ChildGetsItsEnvironmentAndOneDescriptorOnly) {
  Pipe pipe, other;
  std::string fd = std::to_string(pipe.write_end.get());
  std::string script = "echo $COLOR $PATH >&" + fd + "; ls /proc/self/fd | tr '\\n' ' ' >&" + fd;
  auto pid = start_process({"/bin/sh", "-c", script}, {"COLOR=red", "PATH=/usr/bin:/bin"},
                           pipe.write_end.get());
  ASSERT_TRUE(pid) << pid.error().message;
  auto text = pipe.read_all();
  EXPECT_EQ(text.substr(0, text.find('\n')), "red /usr/bin:/bin");
  EXPECT_NE(text.find(" " + fd + " "), std::string::npos);
  EXPECT_EQ(text.find(" " + std::to_string(other.read_end.get()) + " "), std::string::npos);
  EXPECT_EQ(await_child().pid, *pid);
}

TEST_F(ProcessOpsTest, ChildHasNoSignalBlockedOrIgnored) {
  Pipe pipe;
  std::string script =
      "exec grep -hE '^Sig(Blk|Ign)' /proc/self/status >&" + std::to_string(pipe.write_end.get());
  auto pid = start_process({"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin"}, pipe.write_end.get());
  ASSERT_TRUE(pid);
  std::istringstream lines(pipe.read_all());
  std::string label;
  uint64_t blocked = 1, ignored = 1;
  lines >> label >> std::hex >> blocked >> label >> ignored;
  constexpr uint64_t kLibcOwn = uint64_t{3} << 31;  // signals 32 and 33 belong to the C library
  EXPECT_EQ(blocked, 0u);
  EXPECT_EQ(ignored & ~kLibcOwn, 0u);
  await_child();
}

TEST_F(ProcessOpsTest, ChildRunsInItsFolder) {
  Pipe pipe;
  std::string script = "pwd >&" + std::to_string(pipe.write_end.get());
  auto pid = start_process({"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin"}, pipe.write_end.get(),
                           {.folder = "/usr"});
  ASSERT_TRUE(pid);
  EXPECT_EQ(pipe.read_all(), "/usr\n");
  await_child();
  auto nowhere = start_process({"/bin/true"}, {}, -1, {.folder = "/no/such"});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().message, "enter /no/such: No such file or directory");
  EXPECT_FALSE(reap_child());
}

TEST_F(ProcessOpsTest, ChildIsAnotherUserBeforeItsProgramBegins) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root";
  const Identity identity{
      .uid = 65534, .gid = 4711, .groups = {4711}, .user = "nobody", .home = "/"};
  Pipe pipe;
  std::string script =
      "exec grep -hE '^(Uid|Gid)' /proc/self/status >&" + std::to_string(pipe.write_end.get());
  auto pid = start_process({"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin"}, pipe.write_end.get(),
                           {.identity = &identity, .ends_with_us = true, .folder = "/"});
  ASSERT_TRUE(pid) << pid.error().message;
  EXPECT_EQ(pipe.read_all(), "Uid:\t65534\t65534\t65534\t65534\nGid:\t4711\t4711\t4711\t4711\n");
  await_child();
}

TEST_F(ProcessOpsTest, WhatTheUserMayNotIsAnErrorOfItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root";
  const Identity identity{
      .uid = 65534, .gid = 65534, .groups = {65534}, .user = "nobody", .home = "/"};
  auto program = start_process({"/etc/shadow"}, {}, -1, {.identity = &identity});
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message, "start /etc/shadow as user nobody: Permission denied");
  auto folder = start_process({"/bin/true"}, {}, -1, {.identity = &identity, .folder = "/root"});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message, "enter /root as user nobody: Permission denied");
}

TEST_F(ProcessOpsTest, MissingProgramIsAnErrorAtOnce) {
  auto pid = start_process({"/no/such/python"}, {}, 0);
  ASSERT_FALSE(pid);
  EXPECT_EQ(pid.error().sys_errno, ENOENT);
  EXPECT_FALSE(reap_child());
}

TEST_F(ProcessOpsTest, ReapsExitCodesAndSignals) {
  auto exits = start_process({"/bin/sh", "-c", "exit 7"}, {}, 0);
  auto first = await_child();
  EXPECT_EQ(first.pid, *exits);
  EXPECT_EQ(first.code, 7);
  EXPECT_EQ(first.signal, 0);

  auto sleeps = start_process({"/bin/sleep", "1000"}, {}, 0);
  ASSERT_TRUE(sleeps);
  auto pidfd = open_pidfd(*sleeps);
  ASSERT_TRUE(pidfd);
  EXPECT_TRUE(signal_process(*pidfd, SIGTERM));
  auto second = await_child();
  EXPECT_EQ(second.pid, *sleeps);
  EXPECT_EQ(second.signal, SIGTERM);
  EXPECT_TRUE(signal_process(*pidfd, SIGTERM)) << "a process that is gone is no error";
}

TEST_F(ProcessOpsTest, SignalsComeAsEventsThoughSentBeforeAnybodyListened) {
  ::kill(::getpid(), SIGHUP);
  ::kill(::getpid(), SIGTERM);
  EventLoop loop;
  std::vector<int> got;
  auto signals = SignalSource::create(loop, [&](int signal) {
    if (signal != SIGCHLD) got.push_back(signal);  // of an earlier test's child
    if (got.size() == 2) loop.stop();
  });
  ASSERT_TRUE(signals);
  loop.run();
  EXPECT_EQ(got.size(), 2u);
  EXPECT_TRUE(std::ranges::count(got, SIGHUP) == 1 && std::ranges::count(got, SIGTERM) == 1);
}

}  // namespace
}  // namespace tricorn
