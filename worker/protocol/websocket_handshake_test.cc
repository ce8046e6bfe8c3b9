// The opening handshake on an Http1Session: what is one, what is refused, what an app may answer.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/websocket_harness.h"

namespace tricorn {
namespace {

constexpr std::string_view kKey = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

std::string head(std::string_view fields, std::string_view line = "GET /chat HTTP/1.1") {
  return std::string(line).append("\r\nHost: a\r\n").append(fields).append("\r\n");
}
std::string upgrade_head(std::string_view fields, std::string_view line = "GET /chat HTTP/1.1") {
  return head(std::string("Upgrade: websocket\r\nConnection: Upgrade\r\n").append(fields), line);
}

void answer_plainly(WebSocketHarness& app) {
  EXPECT_TRUE(app.writer->start(200, {}, false));
  EXPECT_TRUE(app.writer->body(Chunk::borrowed("plain"), false));
}

// RFC 6455 1.3
TEST(WebSocketHandshakeTest, AnswersTheExampleOfTheRfc) {
  for (const size_t piece : {0, 1, 2, 3}) {
    WebSocketHarness app;
    app.input(std::string(WebSocketHarness::kHandshake) + "\r\n", piece);
    EXPECT_EQ(app.sent(),
              "HTTP/1.1 101 Switching Protocols\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\n"
              "server: tricorn\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
              "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    EXPECT_TRUE(app.upgrade);
    EXPECT_EQ(app.session->phase(), SessionPhase::kSocketOpen);
  }
}

struct Case {
  const char* name;
  std::string bytes;
  int status;  // 101, 200: an ordinary request, or the refusal
};

TEST(WebSocketHandshakeTest, WhatIsOne) {
  const std::string fields = std::string(kKey) + "Sec-WebSocket-Version: 13\r\n";
  const Case cases[] = {
      {"lists, any case",
       head("Upgrade: foo, WEBSOCKET\r\nConnection: keep-alive, UPGRADE\r\n" + fields), 101},
      {"repeated fields",
       head("Upgrade: foo\r\nConnection: keep-alive\r\nUpgrade: websocket\r\n"
            "Connection: upgrade\r\n" +
            fields),
       101},
      {"no connection option", head("Upgrade: websocket\r\n" + fields), 200},
      {"other protocol", head("Upgrade: h2c\r\nConnection: upgrade\r\n" + fields), 200},
      {"part of a token", head("Upgrade: websockets\r\nConnection: upgrade\r\n" + fields), 200},
      {"HTTP/1.0", upgrade_head(fields, "GET / HTTP/1.0"), 200},
      {"other version", upgrade_head(std::string(kKey) + "Sec-WebSocket-Version: 8\r\n"), 426},
      {"no version", upgrade_head(kKey), 426},
      {"two versions", upgrade_head(fields + "Sec-WebSocket-Version: 13\r\n"), 426},
      {"no key", upgrade_head("Sec-WebSocket-Version: 13\r\n"), 400},
      {"two keys", upgrade_head(fields + std::string(kKey)), 400},
      {"short key", upgrade_head("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n"),
       400},
      {"long key",
       upgrade_head("Sec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXM=\r\n"),
       400},
      {"key that is no base64",
       upgrade_head("Sec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZ!Bub25jZQ==\r\n"),
       400},
      {"other method", upgrade_head(fields, "POST / HTTP/1.1"), 400},
      {"body", upgrade_head(fields + "Content-Length: 1\r\n") + "x", 400},
      {"chunked body", upgrade_head(fields + "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
      {"empty body", upgrade_head(fields + "Content-Length: 0\r\n"), 101},
  };
  for (const Case& test : cases) {
    for (const size_t piece : {0, 1, 2, 3}) {
      SCOPED_TRACE(test.name);
      WebSocketHarness app;
      app.on_handshake = [](WebSocketHarness& self) {
        if (self.upgrade) {
          self.accept();
        } else {
          EXPECT_FALSE(self.accept());
          answer_plainly(self);
        }
      };
      app.input(test.bytes, piece);
      const std::string sent = app.sent();
      EXPECT_EQ(sent.substr(0, 13), "HTTP/1.1 " + std::to_string(test.status) + " ");
      EXPECT_EQ(sent.find("\r\nsec-websocket-version: 13\r\n") != std::string::npos,
                test.status == 426);
      EXPECT_TRUE(test.status < 400 || app.session->phase() == SessionPhase::kClosing);
    }
  }
}

TEST(WebSocketHandshakeTest, IsAnOrdinaryRequestWhereItIsOff) {
  HttpSettings settings;
  settings.websocket.enabled = false;
  for (const std::string_view key : {kKey, std::string_view("Sec-WebSocket-Key: x\r\n")}) {
    WebSocketHarness app(settings);
    app.on_handshake = [](WebSocketHarness& self) {
      EXPECT_FALSE(self.upgrade);
      EXPECT_FALSE(self.accept());
      answer_plainly(self);
    };
    app.input(upgrade_head(key));
    EXPECT_TRUE(app.sent().starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  }
}

TEST(WebSocketHandshakeTest, CarriesTheAppsFieldsAndSubprotocol) {
  WebSocketHarness app;
  app.on_handshake = [](WebSocketHarness& self) {
    const Header fields[] = {{"Set-Cookie", "a=b"}, {"Server", "mine"}};
    self.accept("chat.v2", fields);
  };
  app.open();
  EXPECT_NE(app.answer.find("\r\nSet-Cookie: a=b\r\nServer: mine\r\n"), std::string::npos);
  EXPECT_EQ(app.answer.find("server: tricorn"), std::string::npos);
  EXPECT_NE(app.answer.find("\r\nsec-websocket-protocol: chat.v2\r\n"), std::string::npos);
}

TEST(WebSocketHandshakeTest, RefusesWhatIsNotForTheAppToSay) {
  struct Mistake {
    const char* subprotocol;
    Header field;
  };
  const Mistake mistakes[] = {
      {"two words", {"x", "y"}},
      {"comma,", {"x", "y"}},
      {"line\r\n", {"x", "y"}},
      {"", {"Sec-WebSocket-Protocol", "chat"}},
      {"", {"sec-websocket-accept", "x"}},
      {"", {"Sec-WebSocket-Extensions", "permessage-deflate"}},
      {"", {"Connection", "close"}},
      {"", {"upgrade", "h2c"}},
      {"", {"Content-Length", "0"}},
      {"", {"transfer-encoding", "chunked"}},
      {"", {"x", "a\r\nb: c"}},
      {"", {"x", std::string_view("a\0b", 3)}},
      {"", {"x y", "z"}},
      {"", {"", "z"}},
  };
  for (const auto& [subprotocol, field] : mistakes) {
    WebSocketHarness app;
    app.on_handshake = [&](WebSocketHarness& self) {
      const Header fields[] = {{"first", "1"}, field};
      EXPECT_FALSE(self.accept(subprotocol, fields)) << subprotocol << field.name;
      EXPECT_TRUE(self.accept());
    };
    app.open();
    EXPECT_TRUE(app.answer.starts_with("HTTP/1.1 101 ")) << "something was written";
    EXPECT_EQ(app.answer.find("first"), std::string::npos);
  }
}

// P71, P72: an ordinary response, after which the connection lives on.
TEST(WebSocketHandshakeTest, MayBeDenied) {
  WebSocketHarness app;
  app.on_handshake = [](WebSocketHarness& self) {
    const Header fields[] = {{"x-why", "no"}};
    EXPECT_TRUE(self.writer->start(403, fields, false));
    EXPECT_FALSE(self.accept());
    EXPECT_TRUE(self.writer->body(Chunk::borrowed("den"), true));
    EXPECT_TRUE(self.writer->body(Chunk::borrowed("ied"), false));
  };
  app.input(std::string(WebSocketHarness::kHandshake) + "\r\n");
  const std::string sent = app.sent();
  EXPECT_TRUE(sent.starts_with("HTTP/1.1 403 Forbidden\r\nx-why: no\r\n"));
  EXPECT_TRUE(sent.ends_with("\r\n6\r\ndenied\r\n0\r\n\r\n") ||
              sent.ends_with("3\r\nden\r\n3\r\nied\r\n0\r\n\r\n"));
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
  EXPECT_EQ(app.records, "GET/chat 403 6\n");
  EXPECT_EQ(app.log, "");
  app.on_handshake = answer_plainly;
  app.input(head(""));
  EXPECT_TRUE(app.sent().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST(WebSocketHandshakeTest, FramesBehindItWaitForTheAnswer) {
  for (const bool later : {false, true}) {
    for (const size_t piece : {0, 1, 7}) {
      WebSocketHarness app;
      if (later) app.on_handshake = [](WebSocketHarness&) {};
      app.input(std::string(WebSocketHarness::kHandshake) + "\r\n" + text("early") + ping("p"),
                piece);
      if (later) {
        EXPECT_EQ(app.log, "");
        EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
        app.accept();
        EXPECT_EQ(app.log, "") << "not inside of the call";
        app.end_turn();
      }
      app.answer = app.sent();
      EXPECT_EQ(app.log, "text {early}\n");
      EXPECT_EQ(shown_frames(app.answer.substr(app.answer.find("\r\n\r\n") + 4)),
                "text {early}\npong {p}\n");
      EXPECT_TRUE(app.session->wants_input());
    }
  }
}

TEST(WebSocketHandshakeTest, MayFollowOtherRequests) {
  for (const size_t piece : {0, 1, 7}) {
    WebSocketHarness app;
    app.on_handshake = [](WebSocketHarness& self) {
      if (self.upgrade) {
        self.accept();
      } else {
        answer_plainly(self);
      }
    };
    app.input(head("") + std::string(WebSocketHarness::kHandshake) + "\r\n" + text("hi"), piece);
    const std::string sent = app.sent();
    EXPECT_TRUE(sent.starts_with("HTTP/1.1 200 OK\r\n"));
    const size_t switched = sent.find("HTTP/1.1 101 ");
    ASSERT_NE(switched, std::string::npos);
    EXPECT_EQ(shown_frames(sent.substr(sent.find("\r\n\r\n", switched) + 4)), "text {hi}\n");
    EXPECT_EQ(app.records, "GET/chat 200 5\n");
  }
}

TEST(WebSocketHandshakeTest, AClientThatLeavesBeforeTheAnswerIsGone) {
  WebSocketHarness app;
  app.on_handshake = [](WebSocketHarness&) {};
  app.open();
  app.session->on_disconnect();
  EXPECT_EQ(app.disconnects, 1);
  EXPECT_EQ(app.log, "");
  EXPECT_EQ(app.records, "GET/chat 0 0 aborted\n");
}

TEST(WebSocketHandshakeTest, AHalfClosedClientIsAcceptedAndGone) {
  WebSocketHarness app;
  app.on_handshake = [](WebSocketHarness&) {};
  app.input(std::string(WebSocketHarness::kHandshake) + "\r\n" + text("last"));
  app.session->on_input_end();
  app.end_turn();
  EXPECT_EQ(app.input_ends, 0) << "bytes are left that nobody has read";
  app.accept();
  app.end_turn();
  EXPECT_EQ(app.log, "text {last}\nclosed 1006 {}\n");
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(WebSocketHandshakeTest, AcceptedInADrainItIsToldToGoElsewhere) {
  WebSocketHarness app;
  app.on_handshake = [](WebSocketHarness&) {};
  app.open();
  app.session->begin_drain(false);
  app.accept();
  app.end_turn();
  EXPECT_EQ(app.log, "closed 1012 {}\n");
  EXPECT_EQ(app.session->phase(), SessionPhase::kAwaitingCloseEcho);
}

}  // namespace
}  // namespace tricorn
