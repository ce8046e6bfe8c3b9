// StreamTransport over real sockets on a real loop. Waits are for events, never for time.
#include "worker/transport/stream_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace tricorn {
namespace {

struct Recorder final : TransportEvents {
  void on_read(std::string_view bytes) override {
    read += bytes;
    if (pause_after_read) transport->stop_reading();
    if (close_after_read) transport->close();
  }
  void on_read_end() override { ended = true; }
  void on_writable() override {
    ++writable;
    if (queue != nullptr) {
      auto taken = transport->flush(*queue);
      if (!taken) lost = taken.error();
    }
  }
  void on_lost(int error) override { lost = error; }

  Transport* transport = nullptr;
  OutputQueue* queue = nullptr;
  bool pause_after_read = false;
  bool close_after_read = false;
  std::string read;
  bool ended = false;
  int writable = 0;
  std::optional<int> lost;
};

std::pair<UniqueFd, UniqueFd> unix_pair() {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::pair<UniqueFd, UniqueFd> tcp_pair() {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(listener.get(), raw, length), 0);
  EXPECT_EQ(listen(listener.get(), 1), 0);
  EXPECT_EQ(getsockname(listener.get(), raw, &length), 0);
  UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(connect(client.get(), raw, length), 0);
  UniqueFd server(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return {std::move(server), std::move(client)};
}

void reset_by_peer(UniqueFd& peer) {
  linger hard{.l_onoff = 1, .l_linger = 0};
  setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  peer.reset();
}

class StreamTransportTest : public testing::Test {
 protected:
  StreamTransportTest() { uv_loop_init(&loop_); }
  ~StreamTransportTest() override {
    transport_.reset();
    uv_run(&loop_, UV_RUN_NOWAIT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }
  void open(std::pair<UniqueFd, UniqueFd> pair) {
    peer_ = std::move(pair.second);
    fcntl(pair.first.get(), F_SETFL, O_NONBLOCK);
    transport_ = std::make_unique<StreamTransport>(std::move(pair.first), events_, buffer_);
    ASSERT_EQ(transport_->open(&loop_), 0);
    events_.transport = transport_.get();
  }
  // One round of I/O; blocks while there is nothing.
  void run_once() { uv_run(&loop_, UV_RUN_ONCE); }
  void run_ready() { uv_run(&loop_, UV_RUN_NOWAIT); }
  void peer_sends(std::string_view bytes) {
    ASSERT_EQ(send(peer_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  std::string peer_reads(size_t most) {
    std::string bytes(most, '\0');
    ssize_t count = recv(peer_.get(), bytes.data(), most, 0);
    bytes.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return bytes;
  }

  uv_loop_t loop_{};
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
  Recorder events_;
  std::unique_ptr<StreamTransport> transport_;
  UniqueFd peer_;
};

TEST_F(StreamTransportTest, ReadsThenSeesTheEndAndStillWrites) {
  open(tcp_pair());
  transport_->start_reading();
  peer_sends("hello");
  run_once();
  EXPECT_EQ(events_.read, "hello");
  shutdown(peer_.get(), SHUT_WR);
  run_once();
  EXPECT_TRUE(events_.ended);
  EXPECT_FALSE(events_.lost);
  OutputQueue queue;
  queue.append("answer");
  EXPECT_EQ(transport_->flush(queue), 6u);
  EXPECT_EQ(peer_reads(100), "answer");
}

TEST_F(StreamTransportTest, DoesNotReadBeforeItIsToldTo) {
  open(tcp_pair());
  peer_sends("early");
  run_ready();
  EXPECT_EQ(events_.read, "");
  transport_->start_reading();
  run_once();
  EXPECT_EQ(events_.read, "early");
}

TEST_F(StreamTransportTest, ReadNowTakesWhatIsThereWithoutTheLoop) {
  open(tcp_pair());
  transport_->start_reading();
  transport_->read_now();
  EXPECT_EQ(events_.read, "");
  peer_sends("late");
  transport_->read_now();
  EXPECT_EQ(events_.read, "late");
}

TEST_F(StreamTransportTest, GoesOnWhenAFullSocketDrains) {
  open(unix_pair());
  OutputQueue queue;
  const std::string body(4'000'000, 'x');
  queue.append(body);
  events_.queue = &queue;
  auto taken = transport_->flush(queue);
  ASSERT_TRUE(taken);
  EXPECT_GT(*taken, 0u);
  EXPECT_LT(*taken, body.size());
  EXPECT_EQ(transport_->flush(queue), 0u) << "a second flush waits with the first";
  size_t received = 0;
  while (received < body.size()) {
    received += peer_reads(1 << 20).size();
    run_ready();
  }
  EXPECT_EQ(received, body.size());
  EXPECT_TRUE(queue.empty());
  EXPECT_GT(events_.writable, 0);
}

TEST_F(StreamTransportTest, DeliversWhatCameBeforeAReset) {
  open(tcp_pair());
  transport_->start_reading();
  peer_sends("last words");
  reset_by_peer(peer_);
  while (!events_.lost) run_once();
  EXPECT_EQ(events_.read, "last words");
  EXPECT_EQ(*events_.lost, -ECONNRESET);
  EXPECT_EQ(transport_->fd(), -1);
}

TEST_F(StreamTransportTest, NoticesAResetWhileNotReading) {
  open(tcp_pair());
  transport_->start_reading();
  transport_->stop_reading();
  reset_by_peer(peer_);
  while (!events_.lost) run_once();
  EXPECT_EQ(*events_.lost, -ECONNRESET);
}

TEST_F(StreamTransportTest, NoticesAResetAfterAHalfClose) {
  open(tcp_pair());
  transport_->start_reading();
  shutdown(peer_.get(), SHUT_WR);
  while (!events_.ended) run_once();
  reset_by_peer(peer_);
  while (!events_.lost) run_once();
  EXPECT_EQ(*events_.lost, -EPIPE);  // what Linux calls a reset in CLOSE_WAIT
}

TEST_F(StreamTransportTest, AHalfCloseWhileNotReadingIsNoticedByTheNextRead) {
  open(tcp_pair());
  transport_->start_reading();
  transport_->stop_reading();
  peer_sends("before the end");
  shutdown(peer_.get(), SHUT_WR);
  run_once();
  EXPECT_FALSE(events_.ended);
  transport_->start_reading();
  while (!events_.ended) run_once();
  EXPECT_EQ(events_.read, "before the end");
  EXPECT_FALSE(events_.lost);
}

// A level-triggered event that nobody can act on would make the loop spin.
TEST_F(StreamTransportTest, IsQuietWhileNotReadingAfterAHalfClose) {
  open(tcp_pair());
  transport_->start_reading();
  transport_->stop_reading();
  send(peer_.get(), "!", 1, MSG_OOB);
  shutdown(peer_.get(), SHUT_WR);
  for (int i = 0; i < 4; ++i) run_ready();
  bool fired = false;
  uv_timer_t timer;
  uv_timer_init(&loop_, &timer);
  timer.data = &fired;
  uv_timer_start(&timer, [](uv_timer_t* t) { *static_cast<bool*>(t->data) = true; }, 20, 0);
  int rounds = 0;
  while (!fired) {
    run_once();
    ++rounds;
  }
  EXPECT_LE(rounds, 2);
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
  run_ready();
}

TEST_F(StreamTransportTest, AUnixPeerThatClosedIsLost) {
  open(unix_pair());
  transport_->start_reading();
  peer_.reset();
  while (!events_.lost) run_once();
  EXPECT_TRUE(events_.ended);
  EXPECT_EQ(*events_.lost, -EPIPE);
}

TEST_F(StreamTransportTest, AWriteToALostPeerFailsWithoutASignal) {
  open(unix_pair());
  peer_.reset();
  OutputQueue queue;
  queue.append("too late");
  auto taken = transport_->flush(queue);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error(), -EPIPE);
}

TEST_F(StreamTransportTest, MayBeClosedInsideACallback) {
  open(tcp_pair());
  events_.close_after_read = true;
  transport_->start_reading();
  peer_sends("bye");
  reset_by_peer(peer_);
  while (events_.read.empty()) run_once();
  run_ready();
  EXPECT_FALSE(events_.lost);
  EXPECT_EQ(transport_->fd(), -1);
}

TEST_F(StreamTransportTest, MayPauseInsideACallback) {
  buffer_.resize(16);
  open(tcp_pair());
  events_.pause_after_read = true;
  transport_->start_reading();
  peer_sends(std::string(40, 'x'));
  run_once();
  run_ready();
  EXPECT_EQ(events_.read.size(), 16u);
  transport_->start_reading();
  run_once();
  EXPECT_EQ(events_.read.size(), 32u);
}

}  // namespace
}  // namespace tricorn
