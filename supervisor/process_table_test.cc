// ProcessTable where its children's deaths and words cross: the observer starts the next zygote
// from inside of an event.
#include "supervisor/process_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tricorn {
namespace {

constexpr Generation kGeneration = 1;

// A table with its loop, in a child process of the test: libuv's fork handlers would meddle with
// the descriptors of the fake processes that other tests fork.
class TestTable {
 public:
  // The first zygote dies at once, its successor lives. The test keeps the zygote's end of the
  // control socket, as an intermediate would.
  Result<pid_t> launch(int control_fd) {
    zygote_end.reset(::fcntl(control_fd, F_DUPFD_CLOEXEC, 0));
    pid_t pid = ::fork();
    if (pid == 0) {
      if (launched > 0) ::pause();
      ::_exit(0);
    }
    siginfo_t info{};
    if (launched++ == 0) {
      EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    }
    return pid;
  }
  ~TestTable() {
    table.stop_zygote(kGeneration, ZygoteStop::kKill);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }

  template <class T>
  void on(const Event& event, int& count) {
    if (!std::holds_alternative<T>(event)) return;
    ++count;
    if (std::exchange(restart_at_next, false)) start();
  }

  void start() { table.start_zygote(kGeneration, {}, {}); }
  void spawn(WorkerId worker) {
    table.spawn_worker({.worker = worker, .slot = 0, .generation = kGeneration});
  }

  EventLoop loop;
  Scoreboard scoreboard = std::move(*Scoreboard::create());
  UniqueFd zygote_end;
  int launched = 0, exits = 0, spawned = 0, spawns_failed = 0;
  bool restart_at_next = false;
  ProcessTable table{loop,
                     scoreboard,
                     [this](const ZygotePlan&, int control_fd) { return launch(control_fd); },
                     {.on_event =
                          [this](Event event) {
                            on<ZygoteExited>(event, exits);
                            on<WorkerSpawned>(event, spawned);
                            on<WorkerSpawnFailed>(event, spawns_failed);
                          },
                      .on_python = [](Generation, const std::string&) {}}};
};

// Ends the child process; the destructor has run.
[[noreturn]] void in_a_child(void (*test)(TestTable&)) {
  {
    TestTable table;
    test(table);
  }
  std::exit(testing::Test::HasFailure() ? 1 : 0);
}

void start_by_the_news_of_an_exit(TestTable& test) {
  test.start();
  test.restart_at_next = true;
  test.table.reap();
  EXPECT_EQ(test.launched, 2);
  test.spawn(1);
  EXPECT_EQ(test.spawns_failed, 0);
}

void replace_while_an_intermediate_speaks(TestTable& test) {
  test.start();
  test.spawn(1);
  test.table.reap();
  EXPECT_EQ(test.exits, 1);
  auto sent = send_control(test.zygote_end.get(),
                           {.type = ControlType::kSpawned, .worker = 1, .value = ::getpid()});
  EXPECT_TRUE(sent);
  test.restart_at_next = true;
  test.table.reap();
  EXPECT_EQ(test.spawned, 1);
  EXPECT_EQ(test.launched, 2);
  test.spawn(2);
  EXPECT_EQ(test.spawns_failed, 0);
}

TEST(ProcessTable, AZygoteStartedByTheNewsOfAnExitIsKept) {
  EXPECT_EXIT(in_a_child(start_by_the_news_of_an_exit), testing::ExitedWithCode(0), "");
}

TEST(ProcessTable, AZygoteMayBeReplacedWhileItsIntermediateSpeaks) {
  EXPECT_EXIT(in_a_child(replace_while_an_intermediate_speaks), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tricorn
