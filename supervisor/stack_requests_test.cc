// StackRequests against workers that answer, or only when they are interrupted, or never.
#include "supervisor/stack_requests.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace tricorn {
namespace {

int interrupted_control = -1;

// Answers kDumpStacks with "asked" as long as its slot is 0; an interruption, but in slot 2, with
// "interrupted".
[[noreturn]] void be_worker(int control, SlotId slot) {
  if (slot < 2) {
    interrupted_control = control;
    ::signal(stacks_signal(), [](int) {
      send_control_text(interrupted_control, ControlType::kStacks, 0, "interrupted");
    });
  } else {
    ::signal(stacks_signal(), SIG_IGN);
  }
  for (;;) {
    ControlMessage message{.type = ControlType::kQuit};
    auto status = receive_control(control, message);
    if (status == ReceiveStatus::kClosed) ::_exit(0);
    if (status == ReceiveStatus::kMessage && slot == 0) {
      (void)send_control(control, {.type = ControlType::kStacks, .text = "asked"});
    }
    ::usleep(1'000);
  }
}

// The zygote is this test itself: it forks a worker for each order that it finds in its socket.
class Workers {
 public:
  Result<pid_t> launch(int control_fd) {
    zygote_end_.reset(::fcntl(control_fd, F_DUPFD_CLOEXEC, 0));
    pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    return pid;
  }
  ~Workers() {
    table.kill_all();
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }

  void spawn(SlotId slot) {
    table.spawn_worker({.worker = slot + 1, .slot = slot, .generation = 1});
    ControlMessage order{.type = ControlType::kQuit};
    do {
      (void)receive_control(zygote_end_.get(), order);
    } while (order.type != ControlType::kSpawn);
    pid_t pid = ::fork();
    if (pid == 0) be_worker(order.fds.at(0).get(), slot);
    (void)send_control(zygote_end_.get(),
                       {.type = ControlType::kSpawned, .worker = slot + 1, .value = pid});
    table.reap();  // hears the zygote
  }

  // The texts, by slot.
  std::vector<std::string> ask() {
    std::vector<std::string> texts;
    requests.ask([&](const std::vector<WorkerStacks>& stacks) {
      for (const WorkerStacks& worker : stacks) texts.push_back(worker.text);
      loop.stop();
    });
    loop.run();
    return texts;
  }

  EventLoop loop;
  Scoreboard scoreboard = std::move(*Scoreboard::create());
  ProcessTable table{loop,
                     scoreboard,
                     [this](const ZygotePlan&, int control_fd) { return launch(control_fd); },
                     {.on_event = [](const Event&) {},
                      .on_python = [](Generation, const std::string&) {},
                      .on_stacks = [this](WorkerStacks s) { requests.answered(std::move(s)); }}};
  StackRequests requests{loop, table};

 private:
  UniqueFd zygote_end_;
};

// In a child process: libuv's fork handlers, and workers that are nobody else's.
[[noreturn]] void in_a_child(void (*test)(Workers&)) {
  {
    Workers workers;
    workers.table.start_zygote(1, {}, {});
    test(workers);
  }
  std::exit(testing::Test::HasFailure() ? 1 : 0);
}

void ask_three(Workers& workers) {
  for (SlotId slot : {2, 0, 1}) workers.spawn(slot);
  EXPECT_EQ(workers.ask(), (std::vector<std::string>{"asked", "interrupted", ""}));
}

void ask_nobody(Workers& workers) { EXPECT_TRUE(workers.ask().empty()); }

void ask_twice_at_once(Workers& workers) {
  workers.spawn(0);
  std::vector<std::string> first;
  workers.requests.ask([&](const auto& stacks) { first.push_back(stacks.at(0).text); });
  EXPECT_EQ(workers.ask(), std::vector<std::string>{"asked"});
  EXPECT_EQ(first, std::vector<std::string>{"asked"});
}

TEST(StackRequests, LoopsAreAskedThenProcessesInterruptedThenGivenUp) {
  EXPECT_EXIT(in_a_child(ask_three), testing::ExitedWithCode(0), "");
}

TEST(StackRequests, WithoutWorkersTheAnswerIsEmpty) {
  EXPECT_EXIT(in_a_child(ask_nobody), testing::ExitedWithCode(0), "");
}

TEST(StackRequests, WhoAsksMeanwhileGetsTheSameAnswer) {
  EXPECT_EXIT(in_a_child(ask_twice_at_once), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tricorn
