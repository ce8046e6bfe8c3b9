// Retirement and stop: no request that could be answered is lost (supervision windows W2-W6).
#include "worker/server/server_harness.h"

namespace tricorn::test {
namespace {

constexpr Duration kLong = std::chrono::hours(1);

class ServerDrainTest : public ServerTest {
 protected:
  void drain(DrainMode mode, Duration deadline = kLong) {
    server_->drain(mode, deadline, [this] { ++drained_; });
  }
  // A connection that has had an answer and is idle.
  Client idle_client() {
    Client client = connect();
    client.get("/");
    await(client, "hello");
    client.received.clear();
    return client;
  }
  int drained_ = 0;
};

TEST_F(ServerDrainTest, WithoutConnectionsItIsOverAtOnceAndOnce) {
  start();
  drain(DrainMode::kRetire);
  EXPECT_EQ(block().state, WorkerState::kDraining);
  EXPECT_EQ(drained_, 0) << "never inside the call";
  loop_.turn(0);
  loop_.turn(0);
  EXPECT_EQ(drained_, 1);
}

// A worker may be told to go before it was told to accept.
TEST_F(ServerDrainTest, MayBeginBeforeStart) {
  make();
  drain(DrainMode::kStop);
  loop_.turn(0);
  EXPECT_EQ(drained_, 1);
}

TEST_F(ServerDrainTest, RetiringAnswersAnIdleConnectionOnceMore) {
  start();
  Client client = idle_client();
  drain(DrainMode::kRetire);
  for (int i = 0; i < 3; ++i) loop_.turn(0);
  EXPECT_TRUE(client.receive()) << "an idle connection stays";
  client.get("/");
  await(client, "hello");
  EXPECT_NE(client.received.find("connection: close"), std::string::npos);
  await_close(client);
  client.close();
  turn_until([&] { return drained_ == 1; });
}

TEST_F(ServerDrainTest, RetiringClosesIdleConnectionsAtTheDeadline) {
  start();
  Client client = idle_client();
  drain(DrainMode::kRetire, milliseconds(1));
  await_close(client);
  EXPECT_EQ(client.error, 0);
  client.close();
  turn_until([&] { return drained_ == 1; });
}

TEST_F(ServerDrainTest, StoppingClosesIdleConnectionsAndFinishesOpenExchanges) {
  start();
  Client idle = idle_client(), serving = connect();
  serving.get("/wait");
  turn_until([&] { return app_.waiting() == 1; });
  drain(DrainMode::kStop);
  await_close(idle);
  idle.close();
  EXPECT_EQ(drained_, 0);
  app_.answer_waiting();
  await(serving, "waited");
  EXPECT_NE(serving.received.find("connection: close"), std::string::npos);
  await_close(serving);
  serving.close();
  turn_until([&] { return drained_ == 1; });
}

// W4: the request reached the kernel before the drain began.
TEST_F(ServerDrainTest, StoppingAnswersARequestThatHasJustComeOnAnIdleConnection) {
  start();
  Client client = idle_client();
  client.get("/");
  drain(DrainMode::kStop);
  await(client, "hello");
  await_close(client);
}

// W3: accepted, and the first request has not come yet.
TEST_F(ServerDrainTest, StoppingAwaitsTheFirstRequest) {
  start();
  Client client = connect();
  turn_until([&] { return server_->connections() == 1; });
  drain(DrainMode::kStop);
  for (int i = 0; i < 3; ++i) loop_.turn(0);
  EXPECT_TRUE(client.receive());
  client.get("/");
  await(client, "hello");
  EXPECT_NE(client.received.find("connection: close"), std::string::npos);
}

// W2: connected, but not accepted yet; and nothing is accepted afterwards.
TEST_F(ServerDrainTest, SweepsTheAcceptQueueThenStopsAccepting) {
  start();
  std::vector<Client> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(connect());
  for (Client& client : waiting) client.get("/");
  drain(DrainMode::kRetire);
  for (Client& client : waiting) await(client, "hello");
  for (Client& client : waiting) client.close();
  turn_until([&] { return drained_ == 1; });
  UniqueFd late(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(late.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_), -1);
  EXPECT_EQ(errno, ECONNREFUSED) << "the listener was closed: this process had the only reference";
}

TEST_F(ServerDrainTest, AStopOvertakesARetirement) {
  start();
  Client client = idle_client();
  drain(DrainMode::kRetire);
  loop_.turn(0);
  EXPECT_TRUE(client.receive());
  drain(DrainMode::kStop);
  await_close(client);
  client.close();
  turn_until([&] { return drained_ == 1; });
}

TEST_F(ServerDrainTest, CloseAllEndsADrainThatAnAppHoldsUp) {
  start();
  Client client = connect();
  client.get("/wait");
  turn_until([&] { return app_.waiting() == 1; });
  drain(DrainMode::kStop, milliseconds(1));
  for (int i = 0; i < 3; ++i) loop_.turn(5);
  EXPECT_EQ(drained_, 0);
  server_->close_all();
  turn_until([&] { return drained_ == 1; });
  EXPECT_EQ(app_.disconnects, 1);
}

}  // namespace
}  // namespace tricorn::test
