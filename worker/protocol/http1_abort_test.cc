// Http1Session: responses that the app gives up: what the client may and may not see of them.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kGet10 = "GET / HTTP/1.0\r\n\r\n";

HttpSettings bare() {
  HttpSettings settings;
  settings.date_header = settings.server_header = false;
  return settings;
}

TEST(Http1Abort, BeforeTheStartSendsNothing) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  app.writer->abort();
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_TRUE(app.session->output().empty());
  EXPECT_EQ(app.records, (std::vector<Http1SessionHarness::Record>{{"GET", "/", 0, 0, true}}));
}

TEST(Http1Abort, OfTheProcessIsAFailureOfTheServer) {
  Http1SessionHarness app(bare());
  app.session->report_unfinished();
  EXPECT_TRUE(app.records.empty());
  app.on_request_begin = [](Http1SessionHarness& self) { self.session->report_unfinished(); };
  app.input(kGet);
  ASSERT_TRUE(app.start(201));
  ASSERT_TRUE(app.body("ab", true));
  app.session->report_unfinished();
  EXPECT_FALSE(app.requests.back().disconnected);
  EXPECT_EQ(app.records, (std::vector<Http1SessionHarness::Record>{{"GET", "/", 500, 0, true},
                                                                   {"GET", "/", 201, 2, true}}));
}

TEST(Http1Abort, TakesAnUnsentHeadBackButNotEarlierResponses) {
  Http1SessionHarness app(bare());
  int requests = 0;
  app.on_request_complete = [&requests](Http1SessionHarness& self) {
    if (++requests == 1) return self.answer("one");
    ASSERT_TRUE(self.start(200));
    self.writer->abort();
  };
  app.input(std::string(kGet) + std::string(kGet));
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_TRUE(app.sent().ends_with("\r\n\r\none"));
}

TEST(Http1Abort, CutsAChunkedResponseOff) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200));
  ASSERT_TRUE(app.body("ab", true));
  app.writer->abort();
  app.end_turn();
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n");
}

TEST(Http1Abort, OfABodyUntilCloseIsNoOrderlyEnd) {
  Http1SessionHarness app(bare());
  app.input(kGet10);
  ASSERT_TRUE(app.start(200));
  ASSERT_TRUE(app.body("ab", true));
  app.writer->abort();
  EXPECT_EQ(app.session->phase(), SessionPhase::kAborted);
}

TEST(Http1Abort, OfAHalfSentHeadAddsNothingToIt) {
  Http1SessionHarness app(bare());
  app.input(kGet10);
  ASSERT_TRUE(app.start(200, {{"x", "y"}}));
  app.session->output().consume(5);
  app.writer->abort();
  app.end_turn();
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(app.sent(), "1.1 200 OK\r\nx: y\r\n");
}

}  // namespace
}  // namespace tricorn
