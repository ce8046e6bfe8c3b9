// For the server's tests: an app that does what the test says, clients on loopback, and turns of a
// real libuv loop until something has happened.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/protocol/websocket.h"
#include "worker/server/fake_loop.h"
#include "worker/server/server.h"

namespace tricorn::test {

// Answers by target: "/big" with many bytes, "/wait" when the test calls answer_waiting, "/stream"
// with the beginning of a body, all else with "hello". A WebSocket is accepted and echoes.
class TestApp final : public HandlerFactory {
 public:
  static constexpr size_t kBigBytes = 8'000'000;

  std::unique_ptr<RequestHandler> make_handler(const ConnectionInfo& connection) override {
    last_connection = connection;
    return std::make_unique<Handler>(*this);
  }
  void answer_waiting() {
    for (const auto& exchange : std::exchange(waiting_, {})) {
      if (exchange->writer != nullptr) respond(*exchange->writer, "waited");
    }
  }
  void abort_waiting() {
    for (const auto& exchange : std::exchange(waiting_, {})) exchange->writer->abort();
  }
  size_t waiting() const { return waiting_.size(); }

  ConnectionInfo last_connection;
  int requests = 0;
  int disconnects = 0;
  std::vector<int> closes;  // codes that sockets ended with

 private:
  struct Socket final : WebSocketSink {
    explicit Socket(TestApp& owner) : app(owner) {}
    void on_message(const ReceivedMessage& message) override {
      const std::string data = message.copy();
      writer->consumed(data.size());
      EXPECT_TRUE(writer->send(Chunk::borrowed(data), message.is_text()));
    }
    void on_close(uint16_t code, std::string_view) override { app.closes.push_back(code); }
    void on_writable() override {}
    TestApp& app;
    WebSocketWriter* writer = nullptr;
  };
  struct Exchange final : RequestSink {
    explicit Exchange(TestApp& owner, ResponseWriter& response) : app(owner), writer(&response) {}
    void on_body(std::string_view bytes, bool) override { writer->body_consumed(bytes.size()); }
    void on_input_end() override {}
    void on_writable() override {}
    void on_disconnect() override {
      ++app.disconnects;
      writer = nullptr;
    }
    TestApp& app;
    ResponseWriter* writer;
  };
  struct Handler final : RequestHandler {
    explicit Handler(TestApp& owner) : app(owner) {}
    RequestSink* on_request(const RequestHead& head, std::string_view body, bool,
                            ResponseWriter& writer) override {
      ++app.requests;
      writer.body_consumed(body.size());
      if (head.websocket_upgrade) {
        Socket& socket = *app.sockets_.emplace_back(std::make_unique<Socket>(app));
        socket.writer = writer.accept_websocket({}, {}, socket).value_or(nullptr);
        return nullptr;
      }
      if (head.target == "/stream") {
        EXPECT_TRUE(writer.start(200, {}, false));
        EXPECT_TRUE(writer.body(Chunk::borrowed("begun"), true));
      }
      if (head.target == "/wait" || head.target == "/stream") {
        return app.waiting_.emplace_back(std::make_unique<Exchange>(app, writer)).get();
      }
      respond(writer, head.target == "/big" ? std::string(kBigBytes, 'x') : "hello");
      return nullptr;
    }
    TestApp& app;
  };

  static void respond(ResponseWriter& writer, const std::string& body) {
    const std::string length = std::to_string(body.size());
    const Header headers[] = {{"content-length", length}};
    EXPECT_TRUE(writer.start(200, headers, false));
    EXPECT_TRUE(writer.body(Chunk::borrowed(body), false));
  }
  std::vector<std::unique_ptr<Exchange>> waiting_;
  std::vector<std::unique_ptr<Socket>> sockets_;
};

struct Listener {
  UniqueFd fd;
  sockaddr_in address{};
};

// With a port (and SO_REUSEPORT from the first on) it is another socket of that address.
inline Listener listen_on_loopback(bool reuse_port = false, in_port_t port = 0) {
  Listener listener;
  const int on = reuse_port ? 1 : 0;
  listener.fd.reset(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  listener.address.sin_family = AF_INET;
  listener.address.sin_port = port;
  listener.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&listener.address);
  socklen_t length = sizeof listener.address;
  EXPECT_EQ(bind(listener.fd.get(), raw, length), 0);
  EXPECT_EQ(listen(listener.fd.get(), 512), 0);
  EXPECT_EQ(getsockname(listener.fd.get(), raw, &length), 0);
  return listener;
}

// A blocking connect (the kernel completes it without an accept), then non-blocking reads.
class Client {
 public:
  explicit Client(const sockaddr_in& address)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void get(std::string_view target) {
    send("GET " + std::string(target) + " HTTP/1.1\r\nhost: x\r\n\r\n");
  }
  // Takes what has come. False once the server has closed.
  bool receive(size_t most = 1 << 20) {
    std::string piece(most, '\0');
    ssize_t count = recv(fd_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count > 0) received.append(piece, 0, static_cast<size_t>(count));
    if (count < 0 && errno != EAGAIN) error = errno;
    return count > 0 || error == 0 ? count != 0 : false;
  }
  int fd() const { return fd_.get(); }
  void half_close() { shutdown(fd_.get(), SHUT_WR); }
  void reset() {
    linger hard{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.reset();
  }
  void close() { fd_.reset(); }

  std::string received;
  int error = 0;

 private:
  UniqueFd fd_;
};

inline size_t count_of(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() { settings_.access_log = false; }

  void make(Listener listener = listen_on_loopback()) {
    address_ = listener.address;
    std::vector<UniqueFd> listeners;
    listeners.push_back(std::move(listener.fd));
    server_ = std::make_unique<Server>(loop_, app_,
                                       ServerOptions{.settings = settings_,
                                                     .listeners = std::move(listeners),
                                                     .scoreboard = board_,
                                                     .board = 0});
  }
  void start(Listener listener = listen_on_loopback()) {
    make(std::move(listener));
    ASSERT_TRUE(server_->start());
  }
  Client connect() { return Client(address_); }

  // Turns until `done`; the number is a safety net, for a turn sleeps 10 ms at most.
  template <class Done>
  void turn_until(Done&& done) {
    for (int i = 0; i < 1000 && !done(); ++i) loop_.turn(10);
    EXPECT_TRUE(done());
  }
  void await(Client& client, std::string_view text) {
    turn_until([&] {
      client.receive();
      return client.received.find(text) != std::string::npos;
    });
  }
  void await_close(Client& client) {
    turn_until([&] { return !client.receive(); });
  }
  WorkerBlock& block() { return board_.block(0); }

  WorkerSettings settings_;
  Scoreboard board_ = std::move(*Scoreboard::create());
  FakeLoop loop_;
  TestApp app_;
  sockaddr_in address_{};
  std::unique_ptr<Server> server_;
};

}  // namespace tricorn::test
