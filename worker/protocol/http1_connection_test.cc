// Http1Session: what happens around the exchanges: flow control, half-close, timeouts, drain,
// disconnects.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

using Record = Http1SessionHarness::Record;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string post(size_t length, std::string_view fields = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n" +
         std::string(fields) + "\r\n";
}

constexpr std::string_view kExpect = "Expect: 100-Continue\r\n";

TEST(Http1Continue, IsSentOnceWhenTheAppWaitsForABody) {
  Http1SessionHarness app;
  app.input(post(5, kExpect));
  EXPECT_TRUE(app.session->output().empty());
  app.writer->body_wanted();
  EXPECT_TRUE(app.needs_turn);
  app.writer->body_wanted();
  EXPECT_EQ(app.sent(), "HTTP/1.1 100 Continue\r\n\r\n");
  app.input("12345");
  EXPECT_TRUE(app.last().complete);
  app.writer->body_wanted();
  app.answer("ok");
  const std::string sent = app.sent();
  EXPECT_TRUE(sent.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(sent.find("connection: close"), std::string::npos);
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
}

TEST(Http1Continue, IsNotSentWhereItMakesNoSense) {
  const std::string requests[] = {
      post(5, kExpect) + "12345",
      post(5, kExpect) + "1",
      post(0, kExpect),
      post(5),
      "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
  };
  for (const std::string& request : requests) {
    Http1SessionHarness app;
    app.input(request);
    app.writer->body_wanted();
    EXPECT_TRUE(app.session->output().empty()) << request;
  }
  Http1SessionHarness app;
  app.input(post(5, kExpect));
  ASSERT_TRUE(app.start(200));
  app.writer->body_wanted();
  app.end_turn();
  EXPECT_TRUE(app.sent().starts_with("HTTP/1.1 200 OK"));
}

TEST(Http1Continue, AnAnswerWithoutItClosesTheConnection) {
  Http1SessionHarness app;
  app.on_request_begin = [](Http1SessionHarness& self) { self.answer("no", 403); };
  app.input(post(5, kExpect));
  EXPECT_NE(app.sent().find("\r\nconnection: close\r\n"), std::string::npos);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(Http1Body, ReadingPausesAboveTheHighWaterMark) {
  HttpSettings settings;
  settings.body_high_water_bytes = 100;
  Http1SessionHarness app(settings);
  app.input(post(1000) + std::string(80, 'x'));
  EXPECT_TRUE(app.session->wants_input());
  app.input(std::string(80, 'x'));
  EXPECT_FALSE(app.session->wants_input());
  app.needs_turn = false;
  app.writer->body_consumed(20);
  EXPECT_FALSE(app.needs_turn);
  app.writer->body_consumed(100);
  EXPECT_TRUE(app.needs_turn);
  EXPECT_TRUE(app.session->wants_input());
}

TEST(Http1Body, AnUnreadOneIsDroppedAndTheConnectionKept) {
  Http1SessionHarness app;
  app.on_request_begin = [](Http1SessionHarness& self) { self.answer("early"); };
  app.input(post(1000) + std::string(400, 'x'));
  EXPECT_EQ(app.session->phase(), SessionPhase::kReadingHead);
  EXPECT_TRUE(app.session->wants_input());
  app.input(std::string(600, 'x') + std::string(kGet));
  EXPECT_EQ(app.requests.size(), 2u);
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  EXPECT_EQ(app.requests[0].body.size(), 400u);
}

TEST(Http1Body, AResponseThatLeavesTooMuchUnreadSaysThatItCloses) {
  Http1SessionHarness app;
  app.on_request_begin = [](Http1SessionHarness& self) { self.answer("early"); };
  app.input(post(1'000'000));
  EXPECT_NE(app.sent().find("\r\nconnection: close\r\n"), std::string::npos);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

// What the head promised is kept, within reason: the body may be read to its end yet.
TEST(Http1Body, AResponseThatWasPromisedToPersistReadsOverTheRest) {
  constexpr std::string_view kChunked =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n";
  for (const std::string& request : {post(16 << 20), std::string(kChunked)}) {
    Http1SessionHarness app;
    app.input(request);
    ASSERT_TRUE(app.start(200));
    ASSERT_TRUE(app.body("begun", true));
    EXPECT_EQ(app.sent().find("\r\nconnection: close\r\n"), std::string::npos);
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 9; ++i) app.input(piece);
    ASSERT_TRUE(app.body("", false));
    EXPECT_EQ(app.session->phase(), SessionPhase::kReadingHead);
    for (int i = 0; i < 7; ++i) app.input(piece);
    if (request == kChunked) app.input("\r\n0\r\n\r\n");
    EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  }
}

TEST(Http1Body, AnEndlessUnreadOneClosesTheConnection) {
  Http1SessionHarness app;
  app.on_request_begin = [](Http1SessionHarness& self) { self.answer("early"); };
  app.input("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000000\r\n");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) app.input(piece);
  EXPECT_EQ(app.session->phase(), SessionPhase::kReadingHead);
  app.input(piece);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(Http1Body, ADroppedOneThatTurnsBadJustCloses) {
  Http1SessionHarness app;
  app.on_request_begin = [](Http1SessionHarness& self) { self.answer("early"); };
  app.input("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  app.sent();
  app.input("no chunk");
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_TRUE(app.session->output().empty());
  EXPECT_EQ(app.records.size(), 1u);
}

TEST(Http1Body, EndOfInputInTheMiddleDisconnects) {
  for (const std::string& request :
       {post(5) + "12",
        std::string("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\n12\r\n")}) {
    Http1SessionHarness app;
    app.input(request);
    app.session->on_input_end();
    EXPECT_TRUE(app.last().disconnected);
    EXPECT_FALSE(app.last().complete);
    EXPECT_NE(app.session->phase(), SessionPhase::kServing);
    EXPECT_EQ(app.records, (std::vector<Record>{{"POST", "/", 0, 0, true}}));
  }
}

TEST(Http1HalfClose, ACompleteRequestIsStillAnswered) {
  Http1SessionHarness app;
  app.input(kGet);
  app.session->on_input_end();
  EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
  EXPECT_FALSE(app.last().disconnected);
  EXPECT_EQ(app.input_ends, 1);
  app.answer("late");
  EXPECT_NE(app.sent().find("\r\nconnection: close\r\n"), std::string::npos);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(Http1HalfClose, APipelineIsAnsweredToItsEnd) {
  Http1SessionHarness app;
  app.input(std::string(kGet) + std::string(kGet) + "GET /unfinished");
  app.session->on_input_end();
  app.answer("one");
  app.end_turn();
  EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
  app.answer("two");
  app.end_turn();
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(app.records.size(), 2u);
}

TEST(Http1HalfClose, ABodyHeldBackWithoutItsEndNeverLooksWhole) {
  Http1SessionHarness app;
  app.input(std::string(kGet) + post(5) + "12");
  app.session->on_input_end();
  EXPECT_EQ(app.input_ends, 0);
  app.answer("one");
  app.end_turn();
  EXPECT_TRUE(app.last().disconnected);
  EXPECT_FALSE(app.last().complete);
  EXPECT_EQ(app.input_ends, 0);
}

TEST(Http1HalfClose, ClosesAnIdleConnectionAndABegunHead) {
  Http1SessionHarness idle;
  idle.session->on_input_end();
  EXPECT_EQ(idle.session->phase(), SessionPhase::kClosing);
  Http1SessionHarness begun;
  begun.input("GET /");
  begun.session->on_input_end();
  EXPECT_EQ(begun.session->phase(), SessionPhase::kClosing);
  EXPECT_TRUE(begun.session->output().empty());
}

TEST(Http1Disconnect, IsToldToTheAppOnce) {
  Http1SessionHarness app;
  app.input(kGet);
  app.session->on_disconnect();
  EXPECT_TRUE(app.last().disconnected);
  EXPECT_EQ(app.session->phase(), SessionPhase::kAborted);
  app.session->on_disconnect();
  EXPECT_EQ(app.records, (std::vector<Record>{{"GET", "/", 0, 0, true}}));
}

TEST(Http1Timeout, OfABegunHeadIs408AndOfAnIdleConnectionSilent) {
  Http1SessionHarness begun;
  begun.input("GET /slow HTTP/1.1\r\nHo");
  EXPECT_EQ(begun.session->phase(), SessionPhase::kReadingHead);
  begun.session->on_timeout();
  EXPECT_TRUE(begun.sent().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_EQ(begun.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(begun.records, (std::vector<Record>{{"GET", "/slow", 408, 15, false}}));

  Http1SessionHarness idle;
  idle.input("\r\n");
  EXPECT_EQ(idle.session->phase(), SessionPhase::kIdle);
  idle.session->on_timeout();
  EXPECT_TRUE(idle.session->output().empty());
  EXPECT_EQ(idle.session->phase(), SessionPhase::kClosing);

  Http1SessionHarness serving;
  serving.input(kGet);
  serving.session->on_timeout();
  EXPECT_EQ(serving.session->phase(), SessionPhase::kServing);

  Http1SessionHarness dropping;
  dropping.on_request_begin = [](Http1SessionHarness& self) { self.answer("early"); };
  dropping.input(post(10));
  dropping.sent();
  dropping.session->on_timeout();
  EXPECT_TRUE(dropping.session->output().empty());
  EXPECT_EQ(dropping.session->phase(), SessionPhase::kClosing);
}

TEST(Http1Drain, TheNextResponseSaysCloseAndCloses) {
  Http1SessionHarness app;
  app.answer_complete_requests();
  app.input(kGet);
  app.sent();
  app.session->begin_drain(false);
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  app.input(kGet);
  EXPECT_NE(app.sent().find("\r\nconnection: close\r\n"), std::string::npos);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(Http1Drain, ARequestThatHasBegunIsStillAnswered) {
  Http1SessionHarness app;
  app.answer_complete_requests();
  app.input(kGet.substr(0, 10));
  app.session->begin_drain(true);
  EXPECT_EQ(app.session->phase(), SessionPhase::kReadingHead);
  app.input(kGet.substr(10));
  EXPECT_NE(app.sent().find("\r\nconnection: close\r\n"), std::string::npos);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(Http1KeepAlive, OfNoTimeIsNone) {
  HttpSettings settings;
  settings.keep_alive_timeout_ms = 0;
  Http1SessionHarness app(settings);
  app.answer_complete_requests();
  app.input(kGet);
  EXPECT_NE(app.sent().find("\r\nconnection: close\r\n"), std::string::npos);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(Http1Drain, ClosesIdleConnectionsOnlyWhenToldTo) {
  Http1SessionHarness idle;
  idle.session->begin_drain(true);
  EXPECT_EQ(idle.session->phase(), SessionPhase::kClosing);
  Http1SessionHarness serving;
  serving.input(kGet);
  serving.session->begin_drain(true);
  EXPECT_EQ(serving.session->phase(), SessionPhase::kServing);
  serving.answer("last");
  EXPECT_EQ(serving.session->phase(), SessionPhase::kClosing);
}

TEST(Http1Output, CongestionEndsBelowTheLowWaterMark) {
  HttpSettings settings;
  settings.write_high_water_bytes = 1000;
  Http1SessionHarness app(settings);
  app.input(kGet);
  ASSERT_TRUE(app.start(200));
  ASSERT_TRUE(app.body(std::string(500, 'x'), true));
  EXPECT_FALSE(app.writer->congested());
  app.session->on_output_sent();
  EXPECT_EQ(app.writable_calls, 0);
  ASSERT_TRUE(app.body(std::string(500, 'x'), true));
  EXPECT_TRUE(app.writer->congested());
  OutputQueue& output = app.session->output();
  output.consume(output.size() - 300);
  app.session->on_output_sent();
  EXPECT_EQ(app.writable_calls, 0);
  output.consume(100);
  app.session->on_output_sent();
  app.session->on_output_sent();
  EXPECT_EQ(app.writable_calls, 1);
}

TEST(Http1Output, APipelineWaitsForAClientThatDoesNotRead) {
  HttpSettings settings;
  settings.write_high_water_bytes = 1000;
  Http1SessionHarness app(settings);
  app.answer_complete_requests(std::string(600, 'x'));
  std::string pipeline;
  for (int i = 0; i < 10; ++i) pipeline += kGet;
  app.input(pipeline);
  EXPECT_EQ(app.requests.size(), 2u);
  EXPECT_FALSE(app.session->wants_input());
  EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
  while (!app.sent().empty()) app.end_turn();
  EXPECT_EQ(app.requests.size(), 10u);
  EXPECT_TRUE(app.session->wants_input());
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
}

TEST(Http1Pipeline, ReadingStopsWhenEnoughIsHeldBack) {
  Http1SessionHarness app;
  app.input(kGet);
  EXPECT_TRUE(app.session->wants_input());
  std::string pipeline;
  while (pipeline.size() < 70'000) pipeline += kGet;
  app.input(pipeline);
  EXPECT_FALSE(app.session->wants_input());
  EXPECT_EQ(app.requests.size(), 1u);
  app.answer_complete_requests();
  app.answer("first");
  while (app.needs_turn) {
    app.end_turn();
    app.sent();
  }
  EXPECT_EQ(app.requests.size(), 1 + pipeline.size() / kGet.size());
  EXPECT_TRUE(app.session->wants_input());
}

TEST(Http1Phase, FollowsABodyAndAResponse) {
  Http1SessionHarness app;
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  app.input("P");
  EXPECT_EQ(app.session->phase(), SessionPhase::kReadingHead);
  app.input(post(3).substr(1));
  EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
  app.input("abc");
  EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
  app.answer("done");
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
}

}  // namespace
}  // namespace tricorn
