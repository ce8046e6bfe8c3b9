// The log: its two formats, its level, and that nobody reading standard error costs lines, never
// time.
#include "common/logging.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "common/unique_fd.h"

namespace tricorn {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// Puts something else behind descriptor 2 for as long as a test runs.
class LoggingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("NO_COLOR");
    saved_stderr_ = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader_ = UniqueFd(ends[0]);
    UniqueFd writer(ends[1]);
    ::fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
    ASSERT_EQ(::dup2(writer.get(), STDERR_FILENO), STDERR_FILENO);
  }
  void TearDown() override {
    ::dup2(saved_stderr_.get(), STDERR_FILENO);
    set_process_name("");
    start_logging(LogLevel::kInfo, UseColors::kAuto, LogFormat::kText);
  }
  std::string written() {
    std::string out(1 << 20, '\0');
    size_t size = 0;
    ssize_t got;
    while ((got = ::read(reader_.get(), out.data() + size, out.size() - size)) > 0) {
      size += static_cast<size_t>(got);
    }
    out.resize(size);
    return out;
  }
  UniqueFd saved_stderr_, reader_;
};

TEST_F(LoggingTest, OneTextLinePerEvent) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_info("worker {} ready", 3);
  EXPECT_THAT(written(), MatchesRegex("[0-9]+-[0-9]+-[0-9]+ [0-9]+:[0-9]+:[0-9]+\\.[0-9]+ "
                                      "INFO  worker 3 ready\n"));
}

TEST_F(LoggingTest, ProcessNameStandsBeforeTheText) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  set_process_name("worker 0");
  log_error("gone");
  EXPECT_THAT(written(), HasSubstr(" ERROR worker 0: gone\n"));
}

TEST_F(LoggingTest, AnEventHasItsTracebackBelowOrBeside) {
  const LogField fields[] = {{"method", "GET"}, {"path", "/a\"b"}};
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_event(LogLevel::kError, "GET /: raised", fields, "Traceback:\n  here");
  EXPECT_THAT(written(), HasSubstr(" ERROR GET /: raised\nTraceback:\n  here\n"));
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kJson);
  log_event(LogLevel::kError, "GET /: raised", fields, "Traceback:\n  here");
  EXPECT_THAT(written(), HasSubstr(R"("message":"GET /: raised","method":"GET","path":"/a\"b",)"
                                   R"("traceback":"Traceback:\n  here"})"));
  log_info("next");
  EXPECT_THAT(written(), ::testing::EndsWith(R"("message":"next"})"
                                             "\n"));
}

TEST_F(LoggingTest, LevelIsCheckedFirst) {
  start_logging(LogLevel::kWarning, UseColors::kNever, LogFormat::kText);
  EXPECT_FALSE(log_enabled(LogLevel::kInfo));
  EXPECT_TRUE(log_enabled(LogLevel::kWarning));
  log_info("no");
  log_line(LogLevel::kDebug, "no");
  log_warning("yes");
  EXPECT_THAT(written(), MatchesRegex("[^\n]* WARN  yes\n"));
}

TEST_F(LoggingTest, JsonLineIsOneLineWhateverTheText) {
  start_logging(LogLevel::kInfo, UseColors::kAlways, LogFormat::kJson);
  set_process_name("worker \"1\"");
  log_line(LogLevel::kWarning, "say \"hi\"\\\nsecond\x1b line\n");
  EXPECT_THAT(written(),
              MatchesRegex("\\{\"time\":\"[0-9T:.+-]+\",\"level\":\"warning\",\"process\":"
                           "\"worker \\\\\"1\\\\\"\",\"message\":"
                           "\"say \\\\\"hi\\\\\"\\\\\\\\\\\\nsecond\\\\u001b line\"\\}\n"));
}

TEST_F(LoggingTest, SeveralLinesAreOneRecord) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_line(LogLevel::kError, "Traceback:\n  File x\n");
  EXPECT_THAT(written(), MatchesRegex("[^\n]* ERROR Traceback:\n  File x\n"));
}

TEST_F(LoggingTest, ControlCharactersAreEscaped) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_info("{}", "a\x1b[2Jb\rc\td");
  EXPECT_THAT(written(), HasSubstr("a\\x1b[2Jb\\x0dc\td\n"));
}

TEST_F(LoggingTest, BracesInALineAreText) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_line(LogLevel::kInfo, "{} {0} %v %");
  EXPECT_THAT(written(), HasSubstr("{} {0} %v %\n"));
}

TEST_F(LoggingTest, ColorsFollowTheSetting) {
  start_logging(LogLevel::kInfo, UseColors::kAuto, LogFormat::kText);
  log_info("pipe");
  EXPECT_EQ(written().find('\033'), std::string::npos);
  start_logging(LogLevel::kInfo, UseColors::kAlways, LogFormat::kText);
  log_info("forced");
  EXPECT_THAT(written(), HasSubstr("\033[32mINFO \033[0m forced\n"));
}

TEST_F(LoggingTest, TerminalGetsColorsUnlessNoColor) {
  UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!terminal || ::grantpt(terminal.get()) != 0 || ::unlockpt(terminal.get()) != 0) {
    GTEST_SKIP() << "no pseudo-terminal here";
  }
  UniqueFd side(::open(::ptsname(terminal.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_EQ(::dup2(side.get(), STDERR_FILENO), STDERR_FILENO);
  ::setenv("TERM", "xterm", 1);
  char bytes[256];
  start_logging(LogLevel::kInfo, UseColors::kAuto, LogFormat::kText);
  log_info("hello");
  ssize_t got = ::read(terminal.get(), bytes, sizeof bytes);
  ASSERT_GT(got, 0);
  EXPECT_THAT(std::string(bytes, static_cast<size_t>(got)), HasSubstr("\033[32mINFO"));
  ::setenv("NO_COLOR", "1", 1);
  start_logging(LogLevel::kInfo, UseColors::kAuto, LogFormat::kText);
  log_info("hello");
  got = ::read(terminal.get(), bytes, sizeof bytes);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(bytes, static_cast<size_t>(got)).find('\033'), std::string::npos);
}

TEST_F(LoggingTest, FullPipeLosesLinesAndSaysHowMany) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  std::string filler(1000, 'x');
  int sent = 0;
  while (lost_log_lines() < 5 && sent < 10'000) {
    log_line(LogLevel::kInfo, filler);
    ++sent;
  }
  ASSERT_EQ(lost_log_lines(), 5u);
  EXPECT_EQ(::fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0)
      << "the shared description is untouched";
  written();
  log_info("there again");
  EXPECT_THAT(written(), MatchesRegex("\n?[^\n]* INFO  there again\n"
                                      "[^\n]* WARN  5 log lines before this were lost: [^\n]*\n"));
}

TEST_F(LoggingTest, RecordLargerThanThePipeIsCutAndTheNextOneStartsALine) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_line(LogLevel::kInfo, std::string(300'000, 'x'));
  EXPECT_EQ(lost_log_lines(), 1u);
  EXPECT_TRUE(written().ends_with('x'));
  log_info("next");
  EXPECT_THAT(written(), MatchesRegex("\n[^\n]* INFO  next\n[^\n]* WARN  1 log lines[^\n]*\n"));
}

TEST_F(LoggingTest, ClosedPipeIsNoSignalAndNoWait) {
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  reader_.reset();
  auto* before = ::signal(SIGPIPE, SIG_DFL);
  for (int i = 0; i < 3; ++i) log_info("nobody reads");
  sigset_t pending;
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
  EXPECT_EQ(lost_log_lines(), 3u);
  ::signal(SIGPIPE, before);
}

TEST_F(LoggingTest, ClosedStandardErrorLosesLines) {
  ::close(STDERR_FILENO);
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_info("nowhere");
  EXPECT_EQ(lost_log_lines(), 1u);
}

TEST_F(LoggingTest, FullSocketLosesLines) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd ours(ends[0]), theirs(ends[1]);
  ASSERT_EQ(::dup2(theirs.get(), STDERR_FILENO), STDERR_FILENO);
  theirs.reset();
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  std::string filler(10'000, 'x');
  for (int i = 0; i < 10'000 && lost_log_lines() == 0; ++i) log_line(LogLevel::kInfo, filler);
  EXPECT_EQ(lost_log_lines(), 1u);
  ours.reset();
  log_info("closed");
  EXPECT_EQ(lost_log_lines(), 2u);
}

TEST_F(LoggingTest, RegularFileIsAppendedToAtItsOffset) {
  UniqueFd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  ASSERT_EQ(::dup2(file.get(), STDERR_FILENO), STDERR_FILENO);
  ASSERT_EQ(::write(STDERR_FILENO, "before\n", 7), 7);
  start_logging(LogLevel::kInfo, UseColors::kNever, LogFormat::kText);
  log_info("after");
  char bytes[256];
  ssize_t got = ::pread(file.get(), bytes, sizeof bytes, 0);
  ASSERT_GT(got, 0);
  EXPECT_THAT(std::string(bytes, static_cast<size_t>(got)),
              MatchesRegex("before\n[^\n]* INFO  after\n"));
}

}  // namespace
}  // namespace tricorn
