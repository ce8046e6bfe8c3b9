// A server's WebSockets: over a real connection, with short timeouts, and in a drain.
#include "worker/server/server_harness.h"

namespace tricorn::test {
namespace {

constexpr std::string_view kHandshake =
    "GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
// Frames with a mask of zeros.
constexpr std::string_view kHello("\x81\x85\0\0\0\0hello", 11);
constexpr std::string_view kClose("\x88\x80\0\0\0\0", 6);

class ServerWebSocketTest : public ServerTest {
 protected:
  Client open_socket() {
    Client client = connect();
    client.send(kHandshake);
    await(client, "\r\n\r\n");
    EXPECT_TRUE(client.received.starts_with("HTTP/1.1 101 "));
    client.received.clear();
    return client;
  }
};

TEST_F(ServerWebSocketTest, EchoesAndCloses) {
  start();
  Client client = open_socket();
  client.send(kHello);
  await(client, "\x81\x05hello");
  EXPECT_EQ(block().requests_active, 1u);
  client.send(kClose);
  await_close(client);
  EXPECT_TRUE(client.received.ends_with(std::string_view("\x88\x00", 2)));
  EXPECT_EQ(app_.closes, std::vector<int>{1005});
  EXPECT_EQ(block().requests_active, 0u);
}

TEST_F(ServerWebSocketTest, EndsAClientThatAnswersNoPing) {
  settings_.http.websocket.ping_interval_ms = 10;
  settings_.http.websocket.ping_timeout_ms = 10;
  start();
  Client client = open_socket();
  await(client, std::string_view("\x89\x00", 2));
  await(client, "\x03\xf3");  // 1011
  EXPECT_EQ(app_.closes, std::vector<int>{1011});
  client.close();
}

TEST_F(ServerWebSocketTest, ADrainClosesItsSocketsAtOnce) {
  for (const DrainMode mode : {DrainMode::kRetire, DrainMode::kStop}) {
    SCOPED_TRACE(static_cast<int>(mode));
    start();
    Client first = open_socket(), second = open_socket();
    bool drained = false;
    server_->drain(mode, std::chrono::hours(1), [&] { drained = true; });
    for (Client* client : {&first, &second}) {
      await(*client, "\x88\x02\x03\xf4");  // 1012
      client->send(kClose);
      await_close(*client);
    }
    turn_until([&] { return drained; });
    EXPECT_EQ(std::exchange(app_.closes, {}), (std::vector<int>{1012, 1012}));
    server_.reset();
  }
}

TEST_F(ServerWebSocketTest, WhatIsOpenWhenTheServerGoesIsLost) {
  start();
  Client client = open_socket();
  server_.reset();
  EXPECT_EQ(app_.closes, std::vector<int>{1006});
}

}  // namespace
}  // namespace tricorn::test
