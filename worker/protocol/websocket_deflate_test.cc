// permessage-deflate of a WebSocket: what is agreed on, and messages that come and go compressed.
#include "worker/protocol/websocket_deflate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/protocol/websocket_harness.h"

namespace tricorn {
namespace {

struct Offer {
  const char* fields;  // values of Sec-WebSocket-Extensions, "|" between fields
  int window_bits;     // 0: declined
};

TEST(WebSocketDeflateTest, AgreesOnTheFirstGoodOffer) {
  const Offer offers[] = {
      {"", 0},
      {"permessage-deflate", 15},
      {"Permessage-Deflate", 15},
      {"permessage-deflate; client_max_window_bits", 15},
      {"permessage-deflate; client_max_window_bits=8", 15},
      {"permessage-deflate; client_max_window_bits=\"12\"", 15},
      {"permessage-deflate;server_no_context_takeover ; client_no_context_takeover", 15},
      {"permessage-deflate; server_max_window_bits=9", 9},
      {"permessage-deflate; server_max_window_bits=\"10\"; client_max_window_bits", 10},
      {"x-other, permessage-deflate; server_max_window_bits=15", 15},
      {"x-other|permessage-deflate; server_max_window_bits=11", 11},
      {"permessage-deflate; server_max_window_bits=8, permessage-deflate", 15},
      {"permessage-deflate; server_max_window_bits=8", 0},
      {"permessage-deflate; server_max_window_bits=16", 0},
      {"permessage-deflate; server_max_window_bits=09", 0},
      {"permessage-deflate; server_max_window_bits=", 0},
      {"permessage-deflate; server_max_window_bits", 0},
      {"permessage-deflate; server_max_window_bits=10x", 0},
      {"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10", 0},
      {"permessage-deflate; client_max_window_bits=7", 0},
      {"permessage-deflate; client_max_window_bits=", 0},
      {"permessage-deflate; client_max_window_bits; client_max_window_bits", 0},
      {"permessage-deflate; server_no_context_takeover=1", 0},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", 0},
      {"permessage-deflate; client_no_context_takeover=true", 0},
      {"permessage-deflate; unknown", 0},
      {"permessage-deflate;", 15},
      {"permessage-deflate; ; client_max_window_bits", 0},
      {"permessage-bzip2", 0},
  };
  for (const auto& [fields, window_bits] : offers) {
    std::vector<Header> headers{{"Host", "a"}};
    std::string_view rest = fields;
    while (true) {
      const size_t end = rest.find('|');
      headers.push_back({"Sec-WebSocket-Extensions", rest.substr(0, end)});
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    const auto agreement = agree_on_deflate(headers, {});
    EXPECT_EQ(agreement ? agreement->server_window_bits : 0, window_bits) << fields;
  }
}

std::string answer_to(std::string_view offer, const DeflateSettings& settings) {
  const Header header{"sec-websocket-extensions", offer};
  const auto agreement = agree_on_deflate(std::span(&header, 1), settings);
  return agreement ? deflate_answer(*agreement) : "declined";
}

TEST(WebSocketDeflateTest, AnswersThatNoContextIsKept) {
  constexpr std::string_view kNone =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  EXPECT_EQ(answer_to("permessage-deflate", {}), kNone);
  EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits=8", {.window_bits = 15}), kNone);
  EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=9", {}),
            std::string(kNone) + "; server_max_window_bits=9");
  EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits", {.window_bits = 12}),
            std::string(kNone) + "; server_max_window_bits=12");
}

TEST(WebSocketDeflateTest, AnswersWhichContextsAreKept) {
  struct Case {
    const char* offer;
    uint32_t window_bits;
    const char* answer;
  };
  const Case cases[] = {
      {"", 15, ""},
      {"; server_no_context_takeover", 15, "; server_no_context_takeover"},
      {"; client_no_context_takeover", 15, "; client_no_context_takeover"},
      {"; client_max_window_bits", 12, "; server_max_window_bits=12; client_max_window_bits=12"},
      {"; client_max_window_bits=13", 12, "; server_max_window_bits=12; client_max_window_bits=12"},
      {"; client_max_window_bits=11", 12, "; server_max_window_bits=12"},
      {"; client_max_window_bits=8", 9, "; server_max_window_bits=9"},
      {"; server_max_window_bits=10", 12, "; server_max_window_bits=10"},
      {"; client_no_context_takeover; client_max_window_bits", 12,
       "; client_no_context_takeover; server_max_window_bits=12"},
  };
  for (const auto& [offer, window_bits, answer] : cases) {
    EXPECT_EQ(answer_to(std::string("permessage-deflate") + offer,
                        {.window_bits = window_bits, .context_takeover = true}),
              std::string("permessage-deflate") + answer);
  }
}

constexpr std::string_view kOffer =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

HttpSettings with_deflate() {
  HttpSettings settings;
  settings.websocket.deflate.enabled = true;
  return settings;
}
std::string compressed(uint8_t first, std::string_view message) {
  return client_frame(first, Deflater(15).compress(message));
}

std::string server_text(std::string_view payload, bool is_compressed) {
  char header[kMaxFrameHeader];
  const char* const end = write_frame_header(header, Opcode::kText, is_compressed, payload.size());
  return std::string(header, static_cast<size_t>(end - header)).append(payload);
}

TEST(WebSocketDeflateTest, AgreesOnDeflateWhereItIsOnAndOffered) {
  WebSocketHarness on(with_deflate());
  on.open(kOffer);
  EXPECT_NE(on.answer.find("\r\nsec-websocket-extensions: permessage-deflate; "
                           "server_no_context_takeover; client_no_context_takeover\r\n"),
            std::string::npos);
  WebSocketHarness off;
  off.open(kOffer);
  EXPECT_EQ(off.answer.find("extensions"), std::string::npos);
  off.input(compressed(0xC1, "hello"));
  EXPECT_EQ(off.frames(), "close 1002 {reserved bits are set}\n");
  WebSocketHarness not_offered(with_deflate());
  not_offered.open();
  EXPECT_EQ(not_offered.answer.find("extensions"), std::string::npos);
}

TEST(WebSocketDeflateTest, InflatesAtAnyCutAndCompressesWhatIsWorthIt) {
  const std::string large(70'000, 'x');
  for (const size_t piece : {0, 1, 2, 3}) {
    WebSocketHarness app(with_deflate());
    app.open(kOffer);
    const std::string packed = Deflater(15).compress("fragments");
    app.input(compressed(0xC1, "hello") + compressed(0xC2, large) + text("plain") +
                  client_frame(0x41, packed.substr(0, 3)) + ping("p") +
                  client_frame(0x00, packed.substr(3, 1)) + client_frame(0x80, packed.substr(4)) +
                  compressed(0xC1, ""),
              piece);
    EXPECT_EQ(app.log,
              "text {hello}\nbinary {70000 bytes}\ntext {plain}\ntext {fragments}\ntext {}\n");
    const std::string sent = app.sent();
    const std::string shown = shown_frames(sent);
    EXPECT_TRUE(shown.starts_with("text {hello}\nbinary+deflate {")) << shown;
    EXPECT_LT(sent.size(), 1000u);
    EXPECT_TRUE(shown.ends_with("text {plain}\npong {p}\ntext {fragments}\ntext {}\n")) << shown;
  }
}

TEST(WebSocketDeflateTest, MessagesBelowTheThresholdAreSentAsTheyAre) {
  for (const uint32_t threshold : {0u, 20u, 21u}) {
    HttpSettings settings = with_deflate();
    settings.websocket.deflate.threshold_bytes = threshold;
    WebSocketHarness app(settings);
    app.open(kOffer);
    app.input(text(std::string(20, 'a')) + text(std::string(100, 'a')));
    const std::string frames = app.frames();
    EXPECT_EQ(frames.starts_with("text+deflate {"), threshold <= 20) << frames;
    EXPECT_NE(frames.find("\ntext+deflate {"), std::string::npos) << frames;
  }
}

// One context for all messages of a direction, whatever stands between them.
TEST(WebSocketDeflateTest, KeptContextsMakeLaterMessagesSmaller) {
  HttpSettings settings = with_deflate();
  settings.websocket.deflate.context_takeover = true;
  settings.websocket.deflate.window_bits = 12;
  const std::string message = R"({"price": 1045, "symbol": "TCRN", "time": "12:00:01"})";
  for (const size_t piece : {0, 1, 3}) {
    settings.websocket.deflate.threshold_bytes = 10;
    WebSocketHarness app(settings);
    app.open(kOffer);
    EXPECT_NE(app.answer.find("permessage-deflate; server_max_window_bits=12; "
                              "client_max_window_bits=12\r\n"),
              std::string::npos);
    Deflater client(12);
    const std::string first = client.compress(message, true);
    const std::string second = client.compress(message, true);
    EXPECT_LT(second.size(), first.size() / 4);
    app.input(client_frame(0xC1, first) + text("plain") + client_frame(0xC1, second), piece);
    EXPECT_EQ(app.log, "text {" + message + "}\ntext {plain}\ntext {" + message + "}\n");
    Deflater server(12);
    std::string answers = server_text(server.compress(message, true), true);
    answers += server_text("plain", false);
    answers += server_text(server.compress(message, true), true);
    EXPECT_EQ(app.sent(), answers);
  }
}

// A message that grew by it must go out all the same: the client's context would lack it.
TEST(WebSocketDeflateTest, WithAKeptContextEveryMessageIsCompressed) {
  HttpSettings settings = with_deflate();
  settings.websocket.deflate.context_takeover = true;
  settings.websocket.deflate.threshold_bytes = 1;
  WebSocketHarness app(settings);
  app.open(kOffer);
  app.input(text("a"));
  EXPECT_TRUE(app.frames().starts_with("text+deflate {"));
}

TEST(WebSocketDeflateTest, WhatAClientSendsCompressedMayBeRefused) {
  HttpSettings settings = with_deflate();
  settings.websocket.max_message_bytes = 1000;
  struct Case {
    std::string bytes;
    std::string told;
  };
  const Case cases[] = {
      {compressed(0xC2, std::string(1000, 'x')), "binary {1000 bytes}\n"},
      {compressed(0xC2, std::string(1001, 'x')), "closed 1009 {message too big}\n"},
      {compressed(0xC2, std::string(50'000'000, 'x')), "closed 1009 {message too big}\n"},
      {compressed(0xC1, "\xff"), "closed 1007 {invalid UTF-8}\n"},
      {compressed(0xC1, "cut \xce"), "closed 1007 {invalid UTF-8}\n"},
      {client_frame(0xC1, "\xff\xff\xff"), "closed 1007 {invalid compressed data}\n"},
      {client_frame(0x41, "\xf2") + client_frame(0xC0, "x"),
       "closed 1002 {reserved bits are set}\n"},
      {client_frame(0xC9, "x"), "closed 1002 {reserved bits are set}\n"},
  };
  for (const auto& [bytes, told] : cases) {
    for (const size_t piece : {0, 1, 2, 3}) {
      WebSocketHarness app(settings);
      app.open(kOffer);
      app.input(bytes, piece);
      EXPECT_EQ(app.log, told);
    }
  }
}

}  // namespace
}  // namespace tricorn
