// AccessLog and its outputs: when lines leave, what happens when nobody reads, rotation, syslog.
#include "worker/observe/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/logging.h"

namespace tricorn {
namespace {

constexpr TimePoint kStart = TimePoint{} + std::chrono::hours(1);

size_t count_lines(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

class AccessLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = std::filesystem::temp_directory_path() / "tricorn-log-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<AccessLog> make(const AccessTarget& target, int standard_output = -1) {
    auto output = target.is_syslog() ? SyslogOutput::open(target)
                                     : StreamOutput::open(target, standard_output);
    EXPECT_TRUE(output);
    return std::make_unique<AccessLog>(AccessLine(*compile_access_pattern("default"), 1), target,
                                       std::move(*output));
  }
  std::unique_ptr<AccessLog> make_file(const std::string& path) {
    return make({AccessTarget::Kind::kFile, path});
  }
  static void append(AccessLog& log, int count = 1) {
    const SocketAddress client{"127.0.0.1", 1, true};
    for (; count > 0; --count) {
      log.append({.exchange = {.method = "GET", .target = "/", .status = 200}, .client = client});
    }
  }
  // The log looks once at what standard error is.
  static void capture_log() {
    testing::internal::CaptureStderr();
    start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  }
  static std::string captured_log() {
    std::string said = testing::internal::GetCapturedStderr();
    start_logging(LogLevel::kInfo, UseColors::kAuto, LogFormat::kText);
    return said;
  }
  static constexpr std::string_view kLine = "127.0.0.1:1 - \"GET / HTTP/1.1\" 200\n";

  std::string text(const std::string& name) const {
    std::stringstream all;
    all << std::ifstream(folder_ / name).rdbuf();
    return all.str();
  }
  std::filesystem::path folder_;
};

TEST_F(AccessLogTest, GathersUntilTheLoopSleeps) {
  auto log = make_file(folder_ / "a");
  append(*log, 2);
  log->on_turn(kStart);
  EXPECT_EQ(text("a"), "");
  log->flush(kStart);
  EXPECT_EQ(text("a"), std::string(kLine) + std::string(kLine));
  log->flush(kStart);
  EXPECT_EQ(count_lines(text("a")), 2u);
}

TEST_F(AccessLogTest, GathersNoLongerThanItsAgeAndNoMoreThanItsSize) {
  auto log = make_file(folder_ / "a");
  append(*log);
  log->on_turn(kStart);
  log->on_turn(kStart + AccessLog::kMaxAge - milliseconds(1));
  EXPECT_EQ(text("a"), "");
  log->on_turn(kStart + AccessLog::kMaxAge);
  EXPECT_EQ(count_lines(text("a")), 1u);
  append(*log, AccessLog::kGatherBytes / kLine.size() + 1);
  log->on_turn(kStart + AccessLog::kMaxAge);
  EXPECT_GT(count_lines(text("a")), 100u);
}

TEST_F(AccessLogTest, WritesTheRestAtItsEnd) {
  append(*make_file(folder_ / "a"));
  EXPECT_EQ(text("a"), kLine);
}

TEST_F(AccessLogTest, GoesOnInANewFileAfterARename) {
  auto log = make_file(folder_ / "a");
  append(*log, 2);
  std::filesystem::rename(folder_ / "a", folder_ / "a.1");
  log->reopen(kStart);
  append(*log, 3);
  log->flush(kStart);
  EXPECT_EQ(count_lines(text("a.1")), 2u);
  EXPECT_EQ(count_lines(text("a")), 3u);
}

TEST_F(AccessLogTest, KeepsTheOldFileWhenThereIsNoNewOne) {
  std::filesystem::create_directory(folder_ / "d");
  auto log = make_file(folder_ / "d" / "a");
  std::filesystem::rename(folder_ / "d", folder_ / "moved");
  capture_log();
  log->reopen(kStart);
  EXPECT_NE(captured_log().find("not reopened: open"), std::string::npos);
  append(*log);
  log->flush(kStart);
  EXPECT_EQ(text("moved/a"), kLine);
}

TEST_F(AccessLogTest, AnOutputThatCouldNotBeOpenedIsTriedAgainAtReopen) {
  const AccessTarget target{AccessTarget::Kind::kFile, folder_ / "d" / "a"};
  AccessLog log(AccessLine(*compile_access_pattern("default"), 1), target, nullptr);
  append(log);
  log.flush(kStart);
  EXPECT_EQ(log.lost(), 1u);
  std::filesystem::create_directory(folder_ / "d");
  log.reopen(kStart);
  append(log);
  log.flush(kStart);
  EXPECT_EQ(text("d/a"), kLine);
}

TEST_F(AccessLogTest, AFullDiskLosesLinesAndSaysSoOnceAMinute) {
  auto log = make_file("/dev/full");
  capture_log();
  for (int second = 0; second <= 60; second += 15) {
    append(*log, 2);
    log->flush(kStart + std::chrono::seconds(second));
  }
  const std::string said = captured_log();
  EXPECT_EQ(log->lost(), 10u);
  EXPECT_EQ(count_lines(said), 2u) << said;
  EXPECT_NE(said.find("2 lines lost: /dev/full: No space left on device"), std::string::npos);
  EXPECT_NE(said.find("8 lines lost"), std::string::npos) << said;
}

class AccessLogPipe : public AccessLogTest {
 protected:
  void SetUp() override {
    AccessLogTest::SetUp();
    int fds[2];
    ASSERT_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    read_.reset(fds[0]);
    write_.reset(fds[1]);
    log_ = make({}, write_.get());
  }
  std::string drain() {
    std::string all;
    std::array<char, 4096> piece;
    ssize_t count;
    while ((count = read(read_.get(), piece.data(), piece.size())) > 0)
      all.append(piece.data(), static_cast<size_t>(count));
    return all;
  }
  UniqueFd read_, write_;
  std::unique_ptr<AccessLog> log_;
};

TEST_F(AccessLogPipe, TakesManyLines) {
  append(*log_, 200);
  log_->flush(kStart);
  EXPECT_EQ(count_lines(drain()), 200u);
}

TEST_F(AccessLogPipe, LosesWholeLinesWhenItIsFullAndNeverWaits) {
  ASSERT_EQ(fcntl(write_.get(), F_SETPIPE_SZ, 4096), 4096);
  append(*log_, 1000);
  log_->flush(kStart);
  std::string all = drain();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back(), '\n');
  EXPECT_EQ(count_lines(all) + log_->lost(), 1000u);
  append(*log_);
  log_->flush(kStart);
  EXPECT_EQ(drain(), kLine);
}

TEST_F(AccessLogPipe, SurvivesAReaderThatLeft) {
  read_.reset();
  append(*log_);
  log_->flush(kStart);
  EXPECT_EQ(log_->lost(), 1u);
}

class AccessLogSyslog : public AccessLogTest {
 protected:
  void listen() {
    ::unlink(path().c_str());
    server_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(server_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  std::string path() const { return folder_ / "syslog"; }
  std::string receive() {
    std::array<char, 5000> datagram;
    ssize_t size = ::recv(server_.get(), datagram.data(), datagram.size(), 0);
    return size < 0 ? "" : std::string(datagram.data(), static_cast<size_t>(size));
  }
  UniqueFd server_;
};

TEST_F(AccessLogSyslog, SendsADatagramPerLineAndLosesWhatIsNotTaken) {
  listen();
  auto log = make({AccessTarget::Kind::kSyslogUnix, path()});
  append(*log, 1000);
  log->flush(kStart);
  size_t received = 0;
  for (std::string line = receive(); !line.empty(); line = receive()) {
    ++received;
    EXPECT_TRUE(line.starts_with("<14>")) << line;
    EXPECT_NE(line.find(" tricorn[" + std::to_string(::getpid()) + "]: 127.0.0.1:1 - \"GET /"),
              std::string::npos)
        << line;
  }
  EXPECT_GT(received, 0u);
  EXPECT_EQ(received + log->lost(), 1000u);
}

TEST_F(AccessLogSyslog, FindsADaemonThatWasStartedAnew) {
  listen();
  auto log = make({AccessTarget::Kind::kSyslogUnix, path()});
  server_.reset();
  append(*log);
  log->flush(kStart);
  EXPECT_EQ(log->lost(), 1u);
  listen();
  append(*log);
  log->flush(kStart);
  EXPECT_NE(receive(), "");
}

TEST_F(AccessLogSyslog, SpeaksRfc5424OverUdp) {
  server_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(server_.get(), raw, length), 0);
  ASSERT_EQ(::getsockname(server_.get(), raw, &length), 0);
  auto log = make({AccessTarget::Kind::kSyslogUdp, "127.0.0.1", ntohs(address.sin_port)});
  append(*log);
  log->flush(kStart);
  const std::string line = receive();
  EXPECT_TRUE(line.starts_with("<14>1 20")) << line;
  EXPECT_NE(line.find("Z "), std::string::npos);
  EXPECT_TRUE(line.ends_with(" access - 127.0.0.1:1 - \"GET / HTTP/1.1\" 200")) << line;
}

}  // namespace
}  // namespace tricorn
