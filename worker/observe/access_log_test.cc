// AccessLog: the line's exact form, and what happens when nobody reads.
#include "worker/observe/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <climits>

namespace tricorn {
namespace {

AccessRecord sample() {
  return {.client = "127.0.0.1:54321",
          .method = "GET",
          .target = "/path?q=1",
          .version = "1.1",
          .status = 200,
          .response_bytes = 13,
          .time = "2026-11-22T12:00:00Z"};
}

std::string line(const AccessRecord& record, LogFormat format = LogFormat::kText) {
  std::string out;
  format_access_line(out, format, record);
  return out;
}

TEST(AccessLine, IsUvicorns) {
  EXPECT_EQ(line(sample()), "127.0.0.1:54321 - \"GET /path?q=1 HTTP/1.1\" 200\n");
}

TEST(AccessLine, IsJsonWhenAsked) {
  EXPECT_EQ(line(sample(), LogFormat::kJson),
            "{\"time\":\"2026-11-22T12:00:00Z\",\"client\":\"127.0.0.1:54321\",\"method\":\"GET\","
            "\"target\":\"/path?q=1\",\"version\":\"1.1\",\"status\":200,\"bytes\":13}\n");
}

TEST(AccessLine, EscapesWhatCouldForgeALine) {
  AccessRecord record = sample();
  record.target = "/a\"b\\c\r\n\x1b[2J\xff";
  EXPECT_EQ(line(record),
            "127.0.0.1:54321 - \"GET /a\\x22b\\x5cc\\x0d\\x0a\\x1b[2J\\xff HTTP/1.1\" 200\n");
  EXPECT_NE(
      line(record, LogFormat::kJson).find("/a\\u0022b\\u005cc\\u000d\\u000a\\u001b[2J\\u00ff\""),
      std::string::npos);
}

TEST(AccessLine, StaysWithinAPipesAtom) {
  AccessRecord record = sample();
  for (std::string target : {std::string(16384, 'a'), std::string(16384, '\x01')}) {
    record.target = target;
    for (LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
      std::string text = line(record, format);
      EXPECT_LE(text.size(), size_t{PIPE_BUF});
      EXPECT_NE(text.find("..."), std::string::npos);
    }
  }
}

TEST(AccessLine, NamesARequestWhoseClientLeft) {
  AccessRecord record = sample();
  record.status = 0;
  EXPECT_TRUE(line(record).ends_with("\" 499\n"));
}

class AccessLogPipe : public testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    read_.reset(fds[0]);
    write_.reset(fds[1]);
  }
  std::string drain() {
    std::string all;
    std::array<char, 4096> piece;
    ssize_t count;
    while ((count = read(read_.get(), piece.data(), piece.size())) > 0)
      all.append(piece.data(), count);
    return all;
  }
  UniqueFd read_, write_;
};

TEST_F(AccessLogPipe, WritesNothingBeforeFlushThenAllLines) {
  AccessLog log(LogFormat::kText, write_.get());
  for (int i = 0; i < 200; ++i) log.append(sample());
  EXPECT_EQ(drain(), "");
  log.flush(TimePoint{});
  std::string all = drain();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 200);
  log.flush(TimePoint{});
  EXPECT_EQ(drain(), "");
}

TEST_F(AccessLogPipe, LosesWholeLinesWhenThePipeIsFullAndNeverWaits) {
  ASSERT_EQ(fcntl(write_.get(), F_SETPIPE_SZ, 4096), 4096);
  AccessLog log(LogFormat::kText, write_.get());
  for (int i = 0; i < 1000; ++i) log.append(sample());
  log.flush(TimePoint{} + std::chrono::hours(1));
  std::string all = drain();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back(), '\n');
  auto written = static_cast<uint64_t>(std::count(all.begin(), all.end(), '\n'));
  EXPECT_EQ(written + log.lost(), 1000u);
  log.append(sample());
  log.flush(TimePoint{} + std::chrono::hours(1));
  EXPECT_EQ(drain(), line(sample()));
}

TEST_F(AccessLogPipe, SurvivesAReaderThatLeft) {
  AccessLog log(LogFormat::kText, write_.get());
  read_.reset();
  log.append(sample());
  log.flush(TimePoint{});
  EXPECT_EQ(log.lost(), 1u);
}

}  // namespace
}  // namespace tricorn
