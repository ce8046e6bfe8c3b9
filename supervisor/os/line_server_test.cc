// Clients of every kind against a real socket and loop: polite, silent, late, greedy, many.
#include "supervisor/os/line_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <vector>

namespace tricorn {
namespace {

class LineServerTest : public testing::Test {
 protected:
  LineServerTest() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/control.sock";
  }
  ~LineServerTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Answers each line with itself in brackets, unless it is "wait".
  void serve(LineServer::Limits limits = {}) {
    auto socket = ListenSocket::bind_unix(path_, 0600);
    ASSERT_TRUE(socket && socket->listen(128));
    LineServer::Handler handler{.on_line =
                                    [this](LineServer::ClientId id, const std::string& line) {
                                      lines_.push_back(line);
                                      last_ = id;
                                      if (line == "large")
                                        return server_->answer(id, std::string(kLarge, 'x'));
                                      if (line != "wait") server_->answer(id, "[" + line + "]");
                                    },
                                .on_gone = [this](LineServer::ClientId) { ++gone_; },
                                .refusal =
                                    [](LineServer::Refusal why) {
                                      return why == LineServer::Refusal::kBusy ? "busy"
                                                                               : "too long";
                                    }};
    server_.emplace(loop_, std::move(*socket), limits, std::move(handler));
  }

  UniqueFd connect() const {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  static void say(const UniqueFd& fd, const std::string& text) {
    EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
  }
  // What the server sends, up to the end of the conversation; it runs meanwhile.
  std::string hear(const UniqueFd& fd) {
    std::string text;
    char buffer[65536];
    for (;;) {
      turn();
      const ssize_t size = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (size > 0) text.append(buffer, static_cast<size_t>(size));
      if (size == 0 || (size < 0 && errno != EAGAIN)) return text;
    }
  }
  void turn() { uv_run(loop_.raw(), UV_RUN_NOWAIT); }
  void turn_until(const std::function<bool()>& done) {
    while (!done()) turn();
  }

  static constexpr size_t kLarge = 8 << 20;
  std::string folder_ = "/tmp/tricorn-lines-XXXXXX";
  std::string path_;
  EventLoop loop_;
  std::optional<LineServer> server_;
  std::vector<std::string> lines_;
  LineServer::ClientId last_ = 0;
  int gone_ = 0;
};

TEST_F(LineServerTest, AnswersALineAndEndsTheConversation) {
  serve();
  UniqueFd client = connect();
  say(client, "hel");
  turn_until([&] { return server_->clients() == 1; });
  say(client, "lo\n");
  EXPECT_EQ(hear(client), "[hello]\n");
  EXPECT_EQ(server_->clients(), 0u);
  EXPECT_EQ(gone_, 0) << "one that was answered has not gone before";
}

TEST_F(LineServerTest, SocketIsOursAloneAndNotInherited) {
  serve();
  struct stat info;
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  UniqueFd client = connect();
  turn_until([&] { return server_->clients() == 1; });
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    struct stat described;
    if (fd < 3 || ::fstat(fd, &described) != 0 || !S_ISSOCK(described.st_mode)) continue;
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0) << fd;
  }
  server_.reset();
  EXPECT_NE(::stat(path_.c_str(), &info), 0) << "the file goes with the server";
}

TEST_F(LineServerTest, WaitsAreAnsweredLaterOrForgotten) {
  serve();
  UniqueFd patient = connect();
  say(patient, "wait\n");
  turn_until([&] { return lines_.size() == 1; });
  const auto first = last_;
  UniqueFd leaving = connect();
  say(leaving, "wait\n");
  turn_until([&] { return lines_.size() == 2; });
  leaving.reset();
  turn_until([&] { return gone_ == 1; });
  server_->answer(last_, "too late");  // changes nothing
  server_->answer(first, "done");
  EXPECT_EQ(hear(patient), "done\n");
  EXPECT_EQ(gone_, 1);
}

TEST_F(LineServerTest, LinesAreBounded) {
  serve({.line_bytes = 10});
  UniqueFd fits = connect();
  say(fits, "0123456789\n");
  EXPECT_EQ(hear(fits), "[0123456789]\n");
  for (const char* text : {"0123456789a\n", "0123456789a without an end"}) {
    UniqueFd client = connect();
    say(client, text);
    EXPECT_EQ(hear(client), "too long\n");
  }
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(LineServerTest, ClientsAreBounded) {
  serve({.clients = 2});
  UniqueFd first = connect(), second = connect(), third = connect();
  EXPECT_EQ(hear(third), "busy\n");
  say(first, "a\n");
  EXPECT_EQ(hear(first), "[a]\n");
  UniqueFd fourth = connect();
  say(fourth, "b\n");
  EXPECT_EQ(hear(fourth), "[b]\n") << "there is room again";
}

TEST_F(LineServerTest, ACrowdDoesNotHoldUpTheLoop) {
  serve({.clients = 100});
  std::vector<UniqueFd> crowd;
  for (int i = 0; i < 80; ++i) crowd.push_back(connect());
  turn();
  EXPECT_EQ(server_->clients(), 64u);
  turn_until([&] { return server_->clients() == 80; });
}

TEST_F(LineServerTest, WhoSaysNothingOrHalfALineIsDropped) {
  serve({.patience = milliseconds(1)});
  UniqueFd silent = connect(), half = connect();
  say(half, "{\"comm");
  EXPECT_EQ(hear(silent), "");
  EXPECT_EQ(hear(half), "");
  EXPECT_EQ(server_->clients(), 0u);
}

TEST_F(LineServerTest, LargeAnswerWaitsForItsReader) {
  serve();
  UniqueFd slow = connect();
  say(slow, "large\n");
  turn_until([&] { return lines_.size() == 1; });
  EXPECT_EQ(server_->clients(), 1u) << "not all of it fits into the socket";
  UniqueFd other = connect();
  say(other, "hello\n");
  EXPECT_EQ(hear(other), "[hello]\n") << "others are served meanwhile";
  EXPECT_EQ(hear(slow).size(), kLarge + 1);
}

TEST_F(LineServerTest, WhoDoesNotReadItsAnswerIsDropped) {
  serve({.patience = milliseconds(1)});
  UniqueFd deaf = connect();
  say(deaf, "large\n");
  turn_until([&] { return lines_.size() == 1 && server_->clients() == 0; });
}

}  // namespace
}  // namespace tricorn
