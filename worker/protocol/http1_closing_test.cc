// Http1Session: whether a client whose connection is closed may still be sending.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

struct ClosingCase {
  const char* name;
  std::string bytes;
  bool client_is_done;
};

TEST(Http1Closing, KnowsWhenTheClientWillSendNoMore) {
  const std::string close = "Connection: close\r\n";
  const ClosingCase cases[] = {
      {"asked for", "GET / HTTP/1.1\r\nHost: a\r\n" + close + "\r\n", true},
      {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", true},
      {"our wish", "GET /close HTTP/1.1\r\nHost: a\r\n\r\n", false},
      {"body unread", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n" + close + "\r\n",
       false},
      {"more behind it", "GET / HTTP/1.1\r\nHost: a\r\n" + close + "\r\nGET", false},
      {"refused", "GET / HTTP/1.1\r\n" + close + "\r\n", false},
  };
  for (const ClosingCase& example : cases) {
    Http1SessionHarness app;
    app.on_request_begin = [](Http1SessionHarness& self) {
      const Http1SessionHarness::Headers fields = {{"connection", "close"}};
      ASSERT_TRUE(self.start(200, self.last().target == "/close" ? fields : decltype(fields){}));
      ASSERT_TRUE(self.body("", false));
    };
    app.input(example.bytes);
    EXPECT_EQ(app.session->phase(), SessionPhase::kClosing) << example.name;
    EXPECT_EQ(app.session->client_is_done(), example.client_is_done) << example.name;
  }
}

TEST(Http1Closing, InputBehindTheLastResponseCounts) {
  Http1SessionHarness app;
  app.input("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  app.input("GET");
  app.answer("late");
  app.end_turn();
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_FALSE(app.session->client_is_done());
}

}  // namespace
}  // namespace tricorn
