// WebSocketSession: ends, timeouts, drains, backpressure, and what is told to whom.
#include "worker/protocol/websocket_session.h"

#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/websocket_harness.h"

namespace tricorn {
namespace {

// An app that keeps what comes, until the test says otherwise.
void keep(WebSocketHarness& app) {
  app.on_data = [](WebSocketHarness&, std::string_view, bool) {};
}

TEST(WebSocketSessionTest, SendsWhatTheAppSaysInOneGo) {
  WebSocketHarness app;
  app.open();
  EXPECT_TRUE(app.socket->send(Chunk::borrowed("one"), true));
  EXPECT_TRUE(app.socket->send(Chunk::borrowed(std::string_view("\0\xff", 2)), false));
  EXPECT_TRUE(app.socket->send(Chunk::borrowed(""), true));
  EXPECT_TRUE(app.needs_turn) << "the connection is woken once for all";
  std::array<iovec, OutputQueue::kMaxIovecs> iovecs;
  EXPECT_EQ(app.session->output().iovecs(iovecs), 1u);
  EXPECT_EQ(app.frames(), std::string("text {one}\nbinary {\0\xff}\ntext {}\n", 31));
}

TEST(WebSocketSessionTest, KeepsLargeOwnedChunksByReference) {
  WebSocketHarness app;
  app.open();
  const std::string large(100'000, 'x');
  int released = 0;
  const auto release = [](void* count) noexcept { ++*static_cast<int*>(count); };
  EXPECT_TRUE(app.socket->send(Chunk(large, &released, release), false));
  EXPECT_EQ(released, 0);
  std::array<iovec, OutputQueue::kMaxIovecs> iovecs;
  ASSERT_EQ(app.session->output().iovecs(iovecs), 2u);
  EXPECT_EQ(iovecs[1].iov_base, large.data());
  EXPECT_EQ(app.frames(), "binary {100000 bytes}\n");
  EXPECT_EQ(released, 1);
}

TEST(WebSocketSessionTest, ClosesWithAHandshake) {
  for (const auto& [answer, told] :
       {std::pair{close_frame(1000), "closed 1000 {}\n"},
        std::pair{client_frame(0x88, ""), "closed 1005 {}\n"},
        std::pair{close_frame(3001, "mine"), "closed 3001 {mine}\n"}}) {
    WebSocketHarness app;
    app.open();
    EXPECT_TRUE(app.socket->close(1000, "done"));
    EXPECT_TRUE(app.needs_turn);
    EXPECT_FALSE(app.socket->send(Chunk::borrowed("late"), true));
    EXPECT_FALSE(app.socket->close(1000, ""));
    app.end_turn();
    EXPECT_EQ(app.frames(), "close 1000 {done}\n");
    EXPECT_EQ(app.session->phase(), SessionPhase::kAwaitingCloseEcho);
    app.input(text("too late") + ping("x"));
    EXPECT_EQ(app.log + app.frames(), "");
    app.input(answer);
    EXPECT_EQ(app.frames(), "");
    EXPECT_EQ(app.log, told);
    EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
    EXPECT_TRUE(app.session->client_is_done());
    EXPECT_EQ(app.records, "GET/chat 101 0\n");
  }
}

TEST(WebSocketSessionTest, ClosesWithoutACode) {
  WebSocketHarness app;
  app.open();
  EXPECT_TRUE(app.socket->close(close_code::kNoStatus, ""));
  EXPECT_EQ(app.frames(), "close {}\n");
}

TEST(WebSocketSessionTest, RefusesCodesAndReasonsThatMayNotBeSent) {
  WebSocketHarness app;
  app.open();
  for (const int code : {0, 999, 1004, 1006, 1015, 1016, 2999, 5000}) {
    EXPECT_FALSE(app.socket->close(static_cast<uint16_t>(code), "")) << code;
  }
  EXPECT_FALSE(app.socket->close(close_code::kNoStatus, "why"));
  EXPECT_FALSE(app.socket->close(1000, std::string(124, 'x')));
  EXPECT_EQ(app.frames(), "");
  EXPECT_TRUE(app.socket->send(Chunk::borrowed("still open"), true));
  EXPECT_TRUE(app.socket->close(1000, std::string(123, 'x')));
}

TEST(WebSocketSessionTest, GivesUpOnAnAnswerThatDoesNotCome) {
  WebSocketHarness app;
  app.open();
  EXPECT_TRUE(app.socket->close(1000, ""));
  app.frames();
  app.session->on_timeout();
  EXPECT_EQ(app.log, "closed 1006 {}\n");
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(app.records, "GET/chat 101 0 aborted\n");
}

TEST(WebSocketSessionTest, ABreachAfterOurCloseIsTheEnd) {
  WebSocketHarness app;
  app.open();
  EXPECT_TRUE(app.socket->close(1000, ""));
  app.frames();
  app.input(client_frame(0x83, ""));
  EXPECT_EQ(app.frames(), "");
  EXPECT_EQ(app.log, "closed 1006 {}\n");
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(WebSocketSessionTest, MayBeClosedFromInsideOfAMessage) {
  WebSocketHarness app;
  app.on_data = [](WebSocketHarness& self, std::string_view data, bool) {
    self.socket->consumed(data.size());
    EXPECT_TRUE(self.socket->close(1000, "enough"));
  };
  app.open();
  app.input(text("one") + text("two") + close_frame(1000));
  EXPECT_EQ(app.log, "text {one}\nclosed 1000 {}\n");
  EXPECT_EQ(app.frames(), "close 1000 {enough}\n");
}

TEST(WebSocketSessionTest, ALostConnectionIsAbnormal) {
  for (const bool reset : {false, true}) {
    WebSocketHarness app;
    app.open();
    app.input(text("hello"));
    app.frames();
    if (reset) {
      app.session->on_disconnect();
    } else {
      app.session->on_input_end();
    }
    EXPECT_EQ(app.log, "text {hello}\nclosed 1006 {}\n");
    EXPECT_EQ(app.records, "GET/chat 101 5 aborted\n");
    EXPECT_EQ(app.session->phase(), reset ? SessionPhase::kAborted : SessionPhase::kClosing);
  }
}

TEST(WebSocketSessionTest, PingsAndWaitsForALifeSign) {
  WebSocketHarness app;
  app.open();
  for (const std::string& sign :
       {pong(""), pong("x"), ping(""), text("busy"), std::string("\x81")}) {
    EXPECT_EQ(app.session->phase(), SessionPhase::kSocketOpen);
    app.session->on_timeout();
    EXPECT_EQ(app.frames(), "ping {}\n");
    EXPECT_EQ(app.session->phase(), SessionPhase::kAwaitingPong);
    app.input(sign);
    app.sent();
  }
  app.session->on_timeout();
  app.sent();
  app.session->on_timeout();
  EXPECT_EQ(app.frames(), "close 1011 {keepalive ping timeout}\n");
  EXPECT_TRUE(app.log.ends_with("closed 1011 {keepalive ping timeout}\n"));
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(WebSocketSessionTest, PingsOrTheirAnswersMayBeOff) {
  HttpSettings settings;
  settings.websocket.ping_timeout_ms = 0;
  WebSocketHarness patient(settings);
  patient.open();
  patient.session->on_timeout();
  EXPECT_EQ(patient.frames(), "ping {}\n");
  EXPECT_EQ(patient.session->phase(), SessionPhase::kSocketOpen);
  settings.websocket.ping_interval_ms = 0;
  WebSocketHarness silent(settings);
  silent.open();
  EXPECT_EQ(silent.session->phase(), SessionPhase::kServing);
}

TEST(WebSocketSessionTest, NobodyIsBlamedForAPongThatWeDoNotRead) {
  HttpSettings settings;
  settings.websocket.max_queue = 1;
  WebSocketHarness app(settings);
  keep(app);
  app.open();
  app.session->on_timeout();
  app.input(text("one"));
  EXPECT_FALSE(app.session->wants_input());
  app.session->on_timeout();
  EXPECT_EQ(app.session->phase(), SessionPhase::kSocketOpen);
  app.socket->consumed(3);
  EXPECT_EQ(app.session->phase(), SessionPhase::kAwaitingPong);
}

TEST(WebSocketSessionTest, ADrainClosesAtOnce) {
  for (const bool close_idle : {false, true}) {
    WebSocketHarness app;
    app.open();
    app.session->begin_drain(close_idle);
    EXPECT_EQ(app.log, "closed 1012 {}\n");
    EXPECT_EQ(app.frames(), "close 1012 {}\n");
    EXPECT_EQ(app.session->phase(), SessionPhase::kAwaitingCloseEcho);
    EXPECT_EQ(app.records, "GET/chat 101 0\n");
    app.input(text("x") + close_frame(1012));
    EXPECT_EQ(app.log, "closed 1012 {}\n");
    EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  }
}

TEST(WebSocketSessionTest, AtTheDrainsDeadlineNobodyIsWaitedFor) {
  WebSocketHarness app;
  app.open();
  app.session->begin_drain(false);
  app.session->begin_drain(true);
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(app.log, "closed 1012 {}\n");
}

TEST(WebSocketSessionTest, ADrainWaitsForTheAnswerToTheAppsClose) {
  WebSocketHarness app;
  app.open();
  EXPECT_TRUE(app.socket->close(1000, ""));
  app.session->begin_drain(true);
  EXPECT_EQ(app.frames(), "close 1000 {}\n");
  EXPECT_EQ(app.session->phase(), SessionPhase::kAwaitingCloseEcho);
  app.input(close_frame(1000));
  EXPECT_EQ(app.log, "closed 1000 {}\n");
}

TEST(WebSocketSessionTest, ReadingPausesByMessages) {
  HttpSettings settings;
  settings.websocket.max_queue = 2;
  WebSocketHarness app(settings);
  keep(app);
  app.open();
  app.input(text("1") + text("") + text("3") + ping("p") + text("4"));
  EXPECT_EQ(app.log, "text {1}\ntext {}\n");
  EXPECT_FALSE(app.session->wants_input());
  EXPECT_EQ(app.frames(), "");
  app.socket->consumed(1);
  EXPECT_TRUE(app.needs_turn);
  app.end_turn();
  EXPECT_EQ(app.log, "text {1}\ntext {}\ntext {3}\n");
  app.socket->consumed(0);
  app.socket->consumed(1);
  app.end_turn();
  EXPECT_EQ(app.log, "text {1}\ntext {}\ntext {3}\ntext {4}\n");
  EXPECT_EQ(app.frames(), "pong {p}\n");
  EXPECT_TRUE(app.session->wants_input());
}

TEST(WebSocketSessionTest, ReadingPausesByBytes) {
  HttpSettings settings;
  settings.body_high_water_bytes = 10;
  WebSocketHarness app(settings);
  keep(app);
  app.open();
  app.input(text("0123456789") + text("x") + text("y"));
  EXPECT_EQ(app.log, "text {0123456789}\ntext {x}\n");
  EXPECT_FALSE(app.session->wants_input());
  app.socket->consumed(10);
  app.end_turn();
  EXPECT_EQ(app.log, "text {0123456789}\ntext {x}\ntext {y}\n");
}

TEST(WebSocketSessionTest, HeldMessagesAreDeliveredAfterTheClientHasLeft) {
  HttpSettings settings;
  settings.websocket.max_queue = 1;
  WebSocketHarness app(settings);
  keep(app);
  app.open();
  app.input(text("1") + text("2") + "\x81");
  app.session->on_input_end();
  EXPECT_EQ(app.log, "text {1}\n");
  app.socket->consumed(1);
  app.end_turn();
  EXPECT_EQ(app.log, "text {1}\ntext {2}\n");
  app.socket->consumed(1);
  app.end_turn();
  EXPECT_EQ(app.log, "text {1}\ntext {2}\nclosed 1006 {}\n");
}

TEST(WebSocketSessionTest, ACloseBehindHeldMessagesIsFoundOnceWeClose) {
  for (const bool drain : {false, true}) {
    HttpSettings settings;
    settings.websocket.max_queue = 1;
    WebSocketHarness app(settings);
    keep(app);
    app.open();
    app.input(text("1") + text("2") + close_frame(1001));
    if (drain) {
      app.session->begin_drain(false);
    } else {
      EXPECT_TRUE(app.socket->close(1000, ""));
      app.end_turn();
    }
    EXPECT_EQ(app.log, drain ? "text {1}\nclosed 1012 {}\n" : "text {1}\nclosed 1001 {}\n");
    EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  }
}

TEST(WebSocketSessionTest, ACongestedClientGetsAPongForItsLatestPing) {
  HttpSettings settings;
  settings.write_high_water_bytes = 100;
  WebSocketHarness app(settings);
  app.open();
  EXPECT_TRUE(app.socket->send(Chunk::borrowed(std::string(101, 'x')), true));
  EXPECT_TRUE(app.socket->congested());
  for (int i = 0; i < 1000; ++i) app.input(ping(std::to_string(i)));
  EXPECT_LT(app.session->output().size(), 200u);
  EXPECT_EQ(app.frames(), "text {101 bytes}\n");
  EXPECT_EQ(app.writable_calls, 1);
  EXPECT_EQ(app.frames(), "pong {999}\n");
  EXPECT_EQ(app.writable_calls, 1);
}

TEST(WebSocketSessionTest, TheClientsCloseIsAnsweredBehindWhatIsUnsent) {
  WebSocketHarness app;
  app.open();
  app.input(text("a") + close_frame(1000));
  EXPECT_EQ(app.frames(), "text {a}\nclose 1000 {}\n");
  EXPECT_EQ(app.records, "GET/chat 101 1\n");
  EXPECT_TRUE(app.session->client_is_done());
  app.session->on_input("x");
  EXPECT_FALSE(app.session->client_is_done());
}

TEST(WebSocketSessionTest, ADyingWorkerTellsOfItsOpenSocket) {
  WebSocketHarness app;
  app.open();
  app.session->report_unfinished();
  EXPECT_EQ(app.records, "GET/chat 101 0 aborted\n");
  EXPECT_EQ(app.log, "");
}

}  // namespace
}  // namespace tricorn
