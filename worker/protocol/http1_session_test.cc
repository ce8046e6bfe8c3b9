// Http1Session: the plain paths: requests in, responses out, pipelines.
#include <gtest/gtest.h>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

constexpr std::string_view kGet =
    "GET /p?q=1 HTTP/1.1\r\nHost: example.org\r\nAccept:  */* \r\n\r\n";

TEST(Http1Session, AnswersAGetInOneBuffer) {
  Http1SessionHarness app;
  app.answer_complete_requests("Hello, world!");
  app.input(kGet);
  ASSERT_EQ(app.requests.size(), 1u);
  EXPECT_EQ(app.last().method, "GET");
  EXPECT_EQ(app.last().target, "/p?q=1");
  EXPECT_EQ(app.last().version, HttpVersion::k11);
  EXPECT_EQ(app.last().headers,
            (Http1SessionHarness::Headers{{"Host", "example.org"}, {"Accept", "*/*"}}));
  EXPECT_TRUE(app.session->output_ready());
  EXPECT_EQ(app.turns_wanted, 0);
  std::array<iovec, 4> iovecs;
  EXPECT_EQ(app.session->output().iovecs(iovecs), 1u);
  EXPECT_EQ(app.sent(),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
            "server: tricorn\r\ncontent-length: 13\r\n\r\nHello, world!");
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  EXPECT_EQ(app.records,
            (std::vector<Http1SessionHarness::Record>{{"GET", "/p?q=1", 200, 13, false}}));
  EXPECT_EQ(app.begun, 1);
}

TEST(Http1Session, HandsASmallPostOverInOneCall) {
  Http1SessionHarness app;
  app.answer_complete_requests();
  app.input("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345");
  ASSERT_EQ(app.requests.size(), 1u);
  EXPECT_EQ(app.last().initial_body_bytes, 5u);
  EXPECT_EQ(app.last().body, "12345");
  EXPECT_TRUE(app.last().complete);
}

TEST(Http1Session, AnswersAPipelineInOrder) {
  Http1SessionHarness app;
  app.on_request_complete = [](Http1SessionHarness& self) { self.answer(self.last().target); };
  std::string pipeline;
  for (int i = 0; i < 300; ++i) {
    pipeline += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  app.input(pipeline);
  ASSERT_EQ(app.requests.size(), 300u);
  const std::string sent = app.sent();
  size_t at = 0;
  for (int i = 0; i < 300; ++i) {
    at = sent.find("\r\n\r\n/" + std::to_string(i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST(Http1Session, HoldsAPipelineBackBehindAnOpenExchange) {
  Http1SessionHarness app;
  app.input(std::string(kGet) + std::string(kGet));
  ASSERT_EQ(app.requests.size(), 1u);
  EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
  app.answer("one");
  EXPECT_EQ(app.requests.size(), 1u);  // never dispatched from inside a writer call
  EXPECT_TRUE(app.needs_turn);
  app.end_turn();
  ASSERT_EQ(app.requests.size(), 2u);
  app.answer("two");
  app.end_turn();
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  EXPECT_EQ(app.records.size(), 2u);
}

}  // namespace
}  // namespace tricorn
