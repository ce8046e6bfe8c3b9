// Accepting: out of descriptors, and between several workers on one listener.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "common/logging.h"
#include "worker/server/server_harness.h"

namespace tricorn::test {
namespace {

// Lowers the limit so that exactly `spare` more descriptors can be opened.
class FewDescriptors {
 public:
  explicit FewDescriptors(int spare) {
    getrlimit(RLIMIT_NOFILE, &before_);
    std::vector<UniqueFd> probes;
    for (int i = 0; i < spare; ++i) probes.emplace_back(dup(0));
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(probes.back().get()) + 1;
    setrlimit(RLIMIT_NOFILE, &low);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(ServerTest, OutOfDescriptorsItWaitsInsteadOfSpinningOrDropping) {
  start();
  {
    log_info("UBSan needs descriptors of its own where code runs for the first time");
    Client first = connect();
    first.get("/");
    await(first, "hello");
  }
  turn_until([&] { return server_->connections() == 0; });
  app_.requests = 0;
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(connect());
  for (Client& client : clients) client.get("/");
  {
    FewDescriptors few(2);
    turn_until([&] { return app_.requests == 2; });
    // As long as no descriptor comes free: each of these sleeps until the pause is over, or the
    // heartbeat.
    for (int turns = 0; turns < 4; ++turns) loop_.turn();
    EXPECT_EQ(server_->connections(), 2u);
  }
  int turns = 0;
  for (; app_.requests < 6 && turns < 50; ++turns) loop_.turn();
  EXPECT_EQ(app_.requests, 6);
  for (Client& client : clients) await(client, "hello");
}

bool is_asleep(pid_t thread_id) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread_id) + "/stat");
  std::string stat;
  std::getline(file, stat);
  return stat.find(") S ") != std::string::npos;
}

// W6: the kernel wakes one waiter for a connection, and nobody else if that one never accepts (it
// was killed, stopped, or waits for the interpreter lock). Found by a test that stopped a worker at
// the wrong moment.
TEST_F(ServerTest, TakesAConnectionWhoseWakeUpWentToAWorkerThatNeverAccepts) {
  Listener listener = listen_on_loopback();
  UniqueFd dead(epoll_create1(EPOLL_CLOEXEC));
  epoll_event exclusive{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {}};
  ASSERT_EQ(epoll_ctl(dead.get(), EPOLL_CTL_ADD, listener.fd.get(), &exclusive), 0);
  std::atomic<pid_t> thread_id = 0;
  std::thread woken([&] {
    thread_id = gettid();
    epoll_wait(dead.get(), &exclusive, 1, -1);
  });
  while (thread_id == 0 || !is_asleep(thread_id)) std::this_thread::yield();
  start(std::move(listener));
  Client client = connect();
  woken.join();
  client.get("/");
  await(client, "hello");
}

// Four worker processes on one address, as the zygote forks them, but without Python. It has one
// listener, or `parts` of them, as with --reuse-port.
class SharedListener : public testing::Test {
 protected:
  static constexpr size_t kWorkers = 4;
  explicit SharedListener(uint32_t parts = 1) : parts_(parts) {}

  void SetUp() override {
    settings_.access_log = false;
    for (uint32_t part = 0; part < parts_; ++part) {
      listeners_.push_back(listen_on_loopback(parts_ > 1, part == 0 ? 0 : port()));
      settings_.listeners.push_back({.name = "test", .part = part, .parts = parts_});
    }
    board_.layout().blocks_used = kWorkers;
    for (uint32_t i = 0; i < kWorkers; ++i) board_.block(i).slot = i;
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    UniqueFd ready_read(ready[0]), ready_write(ready[1]);
    for (size_t i = 0; i < kWorkers; ++i) {
      workers_[i] = fork();
      if (workers_[i] == 0) serve(i, ready_write.get());
    }
    for (size_t i = 0; i < kWorkers; ++i) {
      char byte;
      ASSERT_EQ(read(ready_read.get(), &byte, 1), 1);
    }
  }
  void TearDown() override {
    for (pid_t worker : workers_) kill(worker, SIGKILL);
    for (pid_t worker : workers_) waitpid(worker, nullptr, 0);
  }
  [[noreturn]] void serve(size_t board, int ready) {
    FakeLoop loop;
    TestApp app;
    std::vector<UniqueFd> listeners;
    for (const Listener& listener : listeners_) listeners.emplace_back(dup(listener.fd.get()));
    Server server(loop, app,
                  {.settings = settings_,
                   .listeners = std::move(listeners),
                   .scoreboard = board_,
                   .board = board});
    if (!server.start()) _exit(1);
    board_.block(board).state = WorkerState::kReady;
    if (write(ready, "r", 1) != 1) _exit(1);
    for (;;) loop.turn();
  }
  in_port_t port() const { return listeners_[0].address.sin_port; }
  // One whole request on a new connection, which stays open.
  Client ask() {
    Client client(listeners_[0].address);
    client.get("/");
    char first;
    EXPECT_EQ(recv(client.fd(), &first, 1, 0), 1);  // blocks until it is answered
    return client;
  }
  std::array<uint32_t, kWorkers> connections() {
    std::array<uint32_t, kWorkers> all{};
    for (size_t i = 0; i < kWorkers; ++i) all[i] = board_.block(i).connections;
    return all;
  }

  WorkerSettings settings_;
  uint32_t parts_;
  std::vector<Listener> listeners_;
  Scoreboard board_ = std::move(*Scoreboard::create());
  std::array<pid_t, kWorkers> workers_{};
};

TEST_F(SharedListener, SpreadsConnectionsThatStay) {
  std::vector<Client> clients;
  for (int i = 0; i < 80; ++i) clients.push_back(ask());
  auto load = connections();
  auto [least, most] = std::minmax_element(load.begin(), load.end());
  EXPECT_LE(*most - *least, 5u) << testing::PrintToString(load);
}

TEST_F(SharedListener, SpreadsConnectionsThatComeAllAtOnce) {
  std::vector<Client> clients;
  for (int i = 0; i < 128; ++i) clients.emplace_back(listeners_[0].address);
  for (Client& client : clients) client.get("/");
  for (Client& client : clients) {
    char first;
    EXPECT_EQ(recv(client.fd(), &first, 1, 0), 1);
  }
  auto load = connections();
  EXPECT_LE(*std::max_element(load.begin(), load.end()), 42u) << testing::PrintToString(load);
}

TEST_F(SharedListener, SpreadsConnectionsThatGoAgain) {
  for (int i = 0; i < 200; ++i) ask();
  for (size_t i = 0; i < kWorkers; ++i) EXPECT_GE(board_.block(i).requests, 10u) << i;
}

TEST_F(SharedListener, LeavesNothingToAStoppedSibling) {
  kill(workers_[0], SIGSTOP);
  ASSERT_EQ(waitpid(workers_[0], nullptr, WUNTRACED), workers_[0]);
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(ask());
  auto load = connections();
  EXPECT_EQ(load[1] + load[2] + load[3], 40u) << testing::PrintToString(load);
}

class SharedQueues : public SharedListener {
 protected:
  SharedQueues() : SharedListener(kWorkers) {}
};

TEST_F(SharedQueues, SpreadsConnectionsOverAllWorkers) {
  std::vector<Client> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(ask());
  for (const uint32_t load : connections()) EXPECT_GE(load, 10u);
}

// Two neighbours: a queue of its two workers has none left.
TEST_F(SharedQueues, AreServedByThoseThatAreLeft) {
  for (const size_t gone : {1, 2}) {
    kill(workers_[gone], SIGSTOP);
    ASSERT_EQ(waitpid(workers_[gone], nullptr, WUNTRACED), workers_[gone]);
  }
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(ask());
  auto load = connections();
  EXPECT_EQ(load[0] + load[3], 40u) << testing::PrintToString(load);
}

}  // namespace
}  // namespace tricorn::test
