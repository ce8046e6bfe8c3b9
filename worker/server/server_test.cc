// Server: whole exchanges over loopback sockets.
#include "worker/server/server_harness.h"

namespace tricorn::test {
namespace {

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  Client client = connect();
  client.get("/");
  await(client, "hello");
  EXPECT_NE(client.received.find("date: "), std::string::npos);
  client.received.clear();
  client.get("/again");
  await(client, "hello");
  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_EQ(block().connections, 1u);
  EXPECT_EQ(block().requests, 2u);
  EXPECT_EQ(block().requests_active, 0u);
  EXPECT_GT(block().bytes_sent, 20u);
  EXPECT_GT(block().heartbeat_ns, 0u);
}

TEST_F(ServerTest, TellsTheAppWhoIsThere) {
  start();
  Client client = connect();
  turn_until([&] { return server_->connections() == 1; });
  EXPECT_EQ(app_.last_connection.client.host, "127.0.0.1");
  EXPECT_GT(app_.last_connection.client.port, 0);
  EXPECT_EQ(app_.last_connection.server,
            (SocketAddress{.host = "127.0.0.1", .port = ntohs(address_.sin_port), .known = true}));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  Client client = connect();
  for (int i = 0; i < 10; ++i) client.get("/");
  turn_until([&] {
    client.receive();
    return count_of(client.received, "hello") == 10;
  });
}

TEST_F(ServerTest, AnswersForReadinessUntilItIsAskedToStop) {
  settings_.readiness_path = "/ready";
  start();
  Client client = connect();
  client.get("/ready?probe=1");
  await(client, "200 OK");
  await(client, "\r\n\r\nready\n");
  client.get("/ready/not");
  await(client, "hello");
  EXPECT_EQ(app_.requests, 1);
  client.received.clear();
  board_.layout().stopping = true;
  client.get("/ready");
  await(client, "503 Service Unavailable");
  await(client, "\r\n\r\nstopping\n");
  client.get("/");
  await(client, "hello");
  EXPECT_EQ(app_.requests, 2);
}

TEST_F(ServerTest, AnswersLaterWhenTheAppTakesItsTime) {
  start();
  Client client = connect();
  client.get("/wait");
  turn_until([&] { return app_.waiting() == 1; });
  EXPECT_EQ(block().requests_active, 1u);
  app_.answer_waiting();
  await(client, "waited");
}

TEST_F(ServerTest, SendsABigBodyToASlowReader) {
  start();
  Client client = connect();
  client.get("/big");
  size_t received = 0;
  turn_until([&] {
    client.receive(100'000);
    received += std::exchange(client.received, {}).size();
    return received > TestApp::kBigBytes;
  });
  EXPECT_EQ(block().bytes_sent, received);
}

TEST_F(ServerTest, SurvivesResetsInEveryState) {
  start();
  Client idle = connect(), serving = connect(), writing = connect(), head = connect();
  serving.get("/wait");
  writing.get("/big");
  head.send("GET /");
  turn_until([&] { return app_.waiting() == 1 && app_.requests == 2; });
  EXPECT_EQ(server_->connections(), 4u);
  for (Client* client : {&idle, &serving, &writing, &head}) client->reset();
  turn_until([&] { return server_->connections() == 0; });
  EXPECT_EQ(app_.disconnects, 1);
  EXPECT_EQ(block().requests_active, 0u);
  EXPECT_EQ(block().connections, 0u);
  app_.answer_waiting();
}

TEST_F(ServerTest, ServesAClientThatHalfClosed) {
  start();
  Client client = connect();
  client.get("/wait");
  client.half_close();
  turn_until([&] { return app_.waiting() == 1; });
  for (int i = 0; i < 3; ++i) loop_.turn(0);
  EXPECT_EQ(app_.disconnects, 0);
  app_.answer_waiting();
  await(client, "waited");
  await_close(client);
  EXPECT_EQ(client.error, 0);
}

TEST_F(ServerTest, ClosesAConnectionThatNeverSendsAByte) {
  settings_.http.header_timeout_ms = 1;
  start();
  Client client = connect();
  await_close(client);
  turn_until([&] {
    client.close();
    return server_->connections() == 0;
  });
}

TEST_F(ServerTest, ClosesAnIdleConnectionSilently) {
  settings_.http.keep_alive_timeout_ms = 1;
  start();
  Client client = connect();
  client.get("/");
  await_close(client);
  EXPECT_EQ(count_of(client.received, "HTTP/1.1"), 1u);
}

TEST_F(ServerTest, AnswersABegunHeadThatDoesNotEnd) {
  settings_.http.header_timeout_ms = 1;
  start();
  Client client = connect();
  client.send("GET / HTTP/1.1\r\nhost:");
  await_close(client);
  EXPECT_NE(client.received.find("HTTP/1.1 408"), std::string::npos);
}

// Unread input at close() would make the kernel send a reset that destroys the response.
TEST_F(ServerTest, LetsTheClientReadItsErrorThoughItSentMore) {
  start();
  Client client = connect();
  client.send("NOT HTTP AT ALL\r\n\r\n" + std::string(200'000, 'x'));
  await_close(client);
  EXPECT_EQ(client.error, 0);
  EXPECT_NE(client.received.find("HTTP/1.1 400"), std::string::npos);
}

TEST_F(ServerTest, CloseAllCutsEverything) {
  start();
  Client idle = connect(), serving = connect();
  serving.get("/wait");
  turn_until([&] { return app_.waiting() == 1 && server_->connections() == 2; });
  server_->close_all();
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(app_.disconnects, 1);
  await_close(idle);
  await_close(serving);
}

// A body that ends with the connection would look whole after an orderly end.
TEST_F(ServerTest, ResetsAConnectionWhoseResponseIsCutOff) {
  start();
  for (bool by_the_app : {true, false}) {
    Client client = connect();
    client.send("GET /stream HTTP/1.0\r\n\r\n");
    await(client, "begun");
    by_the_app ? app_.abort_waiting() : server_->close_all();
    await_close(client);
    EXPECT_EQ(client.error, ECONNRESET);
  }
}

TEST_F(ServerTest, MayDieWithOpenConnections) {
  start();
  Client client = connect();
  client.get("/wait");
  turn_until([&] { return app_.waiting() == 1; });
  server_.reset();
  EXPECT_EQ(app_.disconnects, 1);
  EXPECT_EQ(block().connections, 0u);
}

TEST_F(ServerTest, TakesTheInterpreterLockBeforeTheApp) {
  start();
  Client client = connect();
  client.get("/");
  size_t before = loop_.gil_calls();
  await(client, "hello");
  EXPECT_GT(loop_.gil_calls(), before);
}

}  // namespace
}  // namespace tricorn::test
