// The load of the WebSocket benchmark: many sockets of one thread, over epoll.
//
//   websocket_load echo PORT PATH CONNECTIONS SECONDS BYTES
//       each socket sends a text of BYTES, waits until the same has come back, and sends again
//   websocket_load receive PORT PATH CONNECTIONS SECONDS BYTES
//       the first socket says "go"; then all count what comes
//
// Prints "open" when all sockets are, waits until its standard input ends, and prints what came:
// messages, seconds, and the 99th percentile of the latency in us (0 for receive). Pings are
// answered; anything else that it did not ask for (a lost connection, another length, other bytes)
// ends it with status 1.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<char, 4> kMask = {0x37, 0x5a, 0x21, 0x4c};
constexpr double kConnectSeconds = 60;

struct Options {
  bool echo;
  uint16_t port;
  std::string path;
  int connections;
  double seconds;
  size_t bytes;
};

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "websocket_load: %s\n", what);
  exit(1);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string head_of(size_t size, bool masked) {
  std::string head = "\x81";
  const uint8_t bit = masked ? 0x80 : 0;
  if (size < 126) {
    head.push_back(static_cast<char>(bit | size));
  } else if (size <= UINT16_MAX) {
    head.push_back(static_cast<char>(bit | 126));
    head.push_back(static_cast<char>(size >> 8));
    head.push_back(static_cast<char>(size));
  } else {
    fail("BYTES: at most 65535");
  }
  return head;
}

std::string masked_frame(std::string_view text) {
  std::string frame = head_of(text.size(), true);
  frame.append(kMask.data(), kMask.size());
  for (size_t i = 0; i < text.size(); ++i) frame.push_back(text[i] ^ kMask[i % kMask.size()]);
  return frame;
}

class Socket {
 public:
  void connect_to(const Options& options, int epoll_fd);
  void send_all(std::string_view bytes);
  // What the kernel has; the handshake's answer is taken off.
  void read();
  // Takes whole messages that look like `expected` off what was read; how many.
  size_t take(std::string_view expected);
  size_t answer_ping(std::string_view bytes);

  bool open = false;
  Clock::time_point sent_at;

 private:
  int fd_ = -1;
  std::string input_;
};

void Socket::connect_to(const Options& options, int epoll_fd) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd_ < 0 || connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fail("cannot connect");
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = this}};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd_, &event);
  send_all("GET " + options.path +
           " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
}

// Blocks when the socket is full, which one message at a time does not do.
void Socket::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) fail("cannot send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

void Socket::read() {
  static std::array<char, 256 * 1024> buffer;
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail("a connection was lost");
  input_.append(buffer.data(), static_cast<size_t>(got));
  if (open) return;
  const size_t end = input_.find("\r\n\r\n");
  if (end == std::string::npos) return;
  if (!input_.starts_with("HTTP/1.1 101 ")) fail(("refused: " + input_.substr(0, end)).c_str());
  input_.erase(0, end + 4);
  open = true;
}

// The size of a whole ping at the front, which is answered; 0: there is none.
size_t Socket::answer_ping(std::string_view bytes) {
  constexpr char kPing = '\x89';
  if (bytes.size() < 2 || bytes[0] != kPing) return 0;
  const auto size = static_cast<size_t>(bytes[1]);
  if (bytes.size() < 2 + size) return 0;
  std::string pong = masked_frame(bytes.substr(2, size));
  pong[0] = '\x8a';
  send_all(pong);
  return 2 + size;
}

size_t Socket::take(std::string_view expected) {
  std::string_view left = input_;
  size_t taken = 0;
  for (;;) {
    if (const size_t ping = answer_ping(left); ping != 0) {
      left.remove_prefix(ping);
    } else if (left.size() >= expected.size()) {
      if (!left.starts_with(expected)) fail("another message than the one expected");
      left.remove_prefix(expected.size());
      ++taken;
    } else {
      break;
    }
  }
  input_.erase(0, input_.size() - left.size());
  return taken;
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        sockets_(static_cast<size_t>(options.connections)),
        message_(head_of(options.bytes, false) + std::string(options.bytes, 'x')),
        request_(masked_frame(std::string(options.bytes, 'x'))) {}

  void run();

 private:
  void open_all();
  void on_messages(Socket& socket, size_t count);
  template <typename Step>
  void wait(int timeout_ms, Step step);
  uint32_t p99_us();

  const Options& options_;
  const int epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Socket> sockets_;
  const std::string message_;  // as a server sends it
  const std::string request_;
  uint64_t messages_ = 0;
  std::vector<uint32_t> latencies_us_;
};

template <typename Step>
void Load::wait(int timeout_ms, Step step) {
  std::array<epoll_event, 256> events;
  const int count = epoll_wait(epoll_fd_, events.data(), events.size(), timeout_ms);
  for (int i = 0; i < count; ++i) {
    auto& socket = *static_cast<Socket*>(events[static_cast<size_t>(i)].data.ptr);
    socket.read();
    step(socket);
  }
}

void Load::open_all() {
  const Clock::time_point begin = Clock::now();
  for (Socket& socket : sockets_) {
    socket.connect_to(options_, epoll_fd_);
    while (!socket.open) {  // one by one: 5,000 at once are another benchmark
      wait(100, [&](Socket& ready) {
        if (ready.open) ready.take(message_);
      });
      if (seconds_since(begin) > kConnectSeconds) fail("the handshakes take too long");
    }
  }
}

void Load::on_messages(Socket& socket, size_t count) {
  messages_ += count;
  if (!options_.echo || count == 0) return;
  const Clock::time_point now = Clock::now();
  latencies_us_.push_back(static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now - socket.sent_at).count()));
  socket.sent_at = now;
  socket.send_all(request_);
}

void Load::run() {
  open_all();
  puts("open");
  fflush(stdout);
  while (getchar() != EOF) {
  }
  if (options_.echo) {
    for (Socket& socket : sockets_) {
      socket.sent_at = Clock::now();
      socket.send_all(request_);
    }
  } else {
    sockets_.front().send_all(masked_frame("go"));
  }
  const Clock::time_point begin = Clock::now();
  while (seconds_since(begin) < options_.seconds) {
    // It never sleeps: to wake it would be the server's work, the more so the slower the server is.
    wait(0, [&](Socket& socket) { on_messages(socket, socket.take(message_)); });
  }
  const double elapsed = seconds_since(begin);
  printf("%llu %.4f %u\n", static_cast<unsigned long long>(messages_), elapsed, p99_us());
}

uint32_t Load::p99_us() {
  if (latencies_us_.empty()) return 0;
  const auto at = latencies_us_.begin() + static_cast<ptrdiff_t>(latencies_us_.size() * 99 / 100);
  std::nth_element(latencies_us_.begin(), at, latencies_us_.end());
  return *at;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc == 7 ? argv[1] : "";
  if (mode != "echo" && mode != "receive") {
    fprintf(stderr, "usage: websocket_load echo|receive PORT PATH CONNECTIONS SECONDS BYTES\n");
    return 2;
  }
  const Options options{.echo = mode == "echo",
                        .port = static_cast<uint16_t>(atoi(argv[2])),
                        .path = argv[3],
                        .connections = atoi(argv[4]),
                        .seconds = atof(argv[5]),
                        .bytes = static_cast<size_t>(atoll(argv[6]))};
  if (options.connections < 1) fail("CONNECTIONS: at least 1");
  Load(options).run();
}
