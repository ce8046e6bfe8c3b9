// StreamTransport over real sockets on a real loop. Waits are for events, never for time.
#include "worker/transport/stream_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
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

// A file of `size` bytes, no two pages alike.
FileSlice file_of(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i >> 12) * 31 + i);
  FileSlice file{UniqueFd(memfd_create("test", MFD_CLOEXEC)), 0, size};
  EXPECT_EQ(write(file.fd.get(), text.data(), size), static_cast<ssize_t>(size));
  return file;
}

std::string contents(const FileSlice& file) {
  std::string text(file.length, '\0');
  EXPECT_EQ(pread(file.fd.get(), text.data(), text.size(), static_cast<off_t>(file.offset)),
            static_cast<ssize_t>(text.size()));
  return text;
}

TEST_F(StreamTransportTest, SendsFilesBetweenMemory) {
  for (auto pair : {&tcp_pair, &unix_pair}) {
    open(pair());
    FileSlice file = file_of(10'000);
    file.offset = 100;
    file.length = 5'000;
    const std::string expected = "head" + contents(file) + "tail";
    OutputQueue queue;
    queue.append(std::string_view("head"));
    queue.append(std::move(file));
    queue.append(std::string_view("tail"));
    EXPECT_EQ(transport_->flush(queue), expected.size());
    std::string received;
    while (received.size() < expected.size()) received += peer_reads(10'000);
    EXPECT_EQ(received, expected);
  }
}

// The file is larger than what a socket buffers and than one turn's share.
TEST_F(StreamTransportTest, SendsALargeFileAsThePeerTakesIt) {
  for (auto pair : {&tcp_pair, &unix_pair}) {
    open(pair());
    FileSlice file = file_of(5 * Transport::kFileBytesPerFlush);
    const std::string expected = contents(file) + "tail";
    OutputQueue queue;
    queue.append(std::move(file));
    queue.append(std::string_view("tail"));
    events_ = {};
    events_.transport = transport_.get();
    events_.queue = &queue;
    auto taken = transport_->flush(queue);
    ASSERT_TRUE(taken);
    EXPECT_LE(*taken, Transport::kFileBytesPerFlush);
    EXPECT_EQ(transport_->flush(queue), 0u);  // its turn is over
    std::string received;
    while (received.size() < expected.size()) {
      run_ready();
      received += peer_reads(100'000);
    }
    EXPECT_TRUE(received == expected);
    EXPECT_GT(events_.writable, 1);
    EXPECT_FALSE(events_.lost);
  }
}

TEST_F(StreamTransportTest, OfAFileThatGrowsOnlyTheAnnouncedBytesAreSent) {
  open(tcp_pair());
  FileSlice file = file_of(100);
  const std::string expected = contents(file);
  EXPECT_EQ(pwrite(file.fd.get(), "more", 4, 100), 4);
  OutputQueue queue;
  queue.append(std::move(file));
  EXPECT_EQ(transport_->flush(queue), 100u);
  EXPECT_EQ(peer_reads(1000), expected);
}

TEST_F(StreamTransportTest, AFileThatShrinksBreaksTheStream) {
  open(tcp_pair());
  FileSlice file = file_of(4 * Transport::kFileBytesPerFlush);
  const int fd = file.fd.get();
  OutputQueue queue;
  queue.append(std::move(file));
  events_.queue = &queue;
  ASSERT_TRUE(transport_->flush(queue));
  ASSERT_EQ(ftruncate(fd, 2 * Transport::kFileBytesPerFlush), 0);
  while (!events_.lost) {
    run_ready();
    peer_reads(100'000);
  }
  EXPECT_EQ(events_.lost, Transport::kFileTooShort);
}

TEST_F(StreamTransportTest, APeerThatLeavesInTheMiddleOfAFileIsNoticed) {
  open(tcp_pair());
  signal(SIGPIPE, SIG_IGN);
  OutputQueue queue;
  queue.append(file_of(16 * Transport::kFileBytesPerFlush));
  events_.queue = &queue;
  ASSERT_TRUE(transport_->flush(queue));
  reset_by_peer(peer_);
  while (!events_.lost) run_once();
  EXPECT_NE(events_.lost, Transport::kFileTooShort);
}

}  // namespace
}  // namespace tricorn
