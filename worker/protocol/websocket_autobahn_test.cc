// The families of Autobahn's test suite for servers, as tables: what the client sends, what an app
// that echoes saw and what the client got. Each whole and cut to 1, 2 and 3 bytes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/protocol/websocket_harness.h"

namespace tricorn {
namespace {

struct Case {
  std::string name;
  std::string input;
  std::string got;  // frames that the client got, but for the echoes of messages
  std::string log;  // what the app saw
};

std::string text_log(std::string_view message) { return "text {" + std::string(message) + "}\n"; }

void run(const std::vector<Case>& cases, const HttpSettings& settings = {}) {
  for (const Case& test : cases) {
    for (const size_t piece : {0, 1, 2, 3}) {
      SCOPED_TRACE(test.name + ", pieces of " + std::to_string(piece));
      WebSocketHarness app(settings);
      app.echoes = false;
      app.open();
      app.input(test.input, piece);
      EXPECT_EQ(app.frames(), test.got);
      EXPECT_EQ(app.log, test.log);
      const bool ended = test.log.find("closed") != std::string::npos;
      EXPECT_EQ(app.session->phase() == SessionPhase::kClosing, ended);
      EXPECT_EQ(app.records.empty(), !ended);
    }
  }
}

// A breach of the protocol: told to both sides.
Case breach(std::string name, std::string input, int code, const std::string& reason,
            std::string before = "") {
  const std::string end = std::to_string(code) + " {" + reason + "}\n";
  return {std::move(name), std::move(input), "close " + end, before + "closed " + end};
}

TEST(Autobahn, Family1Framing) {
  std::vector<Case> cases;
  for (const size_t size : {0, 1, 125, 126, 127, 128, 255, 256, 65535, 65536, 70001}) {
    const std::string message(size, '*');
    const std::string shown = shown_payload(message) + "\n";
    cases.push_back({"text of " + std::to_string(size), text(message), "", "text " + shown});
    cases.push_back({"binary of " + std::to_string(size), binary(message), "", "binary " + shown});
  }
  run(cases);
}

TEST(Autobahn, Family1EchoedWhole) {
  for (const size_t size : {0, 125, 126, 65535, 65536, 200'000}) {
    WebSocketHarness app;
    app.open();
    app.input(binary(std::string(size, '\xfe')), 997);
    EXPECT_EQ(app.frames(), "binary " + shown_payload(std::string(size, '\xfe')) + "\n");
  }
}

TEST(Autobahn, Family2Pings) {
  const std::string most(125, '\xfe');
  run({
      {"empty", ping(""), "pong {}\n", ""},
      {"with payload", ping("Hello"), "pong {Hello}\n", ""},
      {"binary payload", ping("\xff\xfe\x01"), "pong {\xff\xfe\x01}\n", ""},
      {"of 125 bytes", ping(most), "pong {125 bytes}\n", ""},
      breach("of 126 bytes", ping(std::string(126, 'x')), 1002, "control frame too long"),
      {"pong that nobody asked for", pong("x") + pong(""), "", ""},
      {"pong, then ping", pong("x") + ping("y"), "pong {y}\n", ""},
      {"ten", ping("0") + ping("1") + ping("2") + ping("3") + ping("4"),
       "pong {0}\npong {1}\npong {2}\npong {3}\npong {4}\n", ""},
  });
}

TEST(Autobahn, Family3ReservedBits) {
  const std::string reason = "reserved bits are set";
  std::vector<Case> cases;
  for (const int bits : {1, 2, 3, 4, 5, 6, 7}) {
    for (const int opcode : {1, 2, 8, 9, 10}) {
      const auto first = static_cast<uint8_t>(0x80 | bits << 4 | opcode);
      cases.push_back(breach("bits " + std::to_string(bits) + " of " + std::to_string(opcode),
                             text("a") + client_frame(first, "b") + text("c"), 1002, reason,
                             text_log("a")));
    }
  }
  cases.push_back(
      breach("of a continuation", client_frame(0x01, "a") + client_frame(0xC0, "b"), 1002, reason));
  run(cases);
}

TEST(Autobahn, Family4Opcodes) {
  std::vector<Case> cases;
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    cases.push_back(breach(
        "opcode " + std::to_string(opcode),
        text("a") + client_frame(static_cast<uint8_t>(0x80 | opcode), "b") + text("c") + ping(""),
        1002, "reserved opcode", text_log("a")));
  }
  run(cases);
}

TEST(Autobahn, Family5Fragmentation) {
  const auto begin = [](std::string_view part) { return client_frame(0x01, part); };
  const auto more = [](std::string_view part) { return client_frame(0x00, part); };
  const auto last = [](std::string_view part) { return client_frame(0x80, part); };
  const std::string fragmented = "fragmented control frame";
  run({
      breach("ping in two", client_frame(0x09, "a") + last("b"), 1002, fragmented),
      breach("pong in two", client_frame(0x0A, "a") + last("b"), 1002, fragmented),
      breach("close in two", client_frame(0x08, "") + last(""), 1002, fragmented),
      {"two", begin("a") + last("b"), "", text_log("ab")},
      {"empty ones", begin("") + more("") + last(""), "", text_log("")},
      {"ping between", begin("a") + ping("p") + last("b"), "pong {p}\n", text_log("ab")},
      {"pong between", begin("a") + pong("p") + last("b"), "", text_log("ab")},
      {"many pings", begin("a") + ping("1") + more("b") + ping("2") + ping("3") + last("c"),
       "pong {1}\npong {2}\npong {3}\n", text_log("abc")},
      {"binary", client_frame(0x02, "a") + last("b") + text("c"), "",
       "binary {ab}\n" + text_log("c")},
      breach("continuation of nothing", last("a") + text("b"), 1002, "continuation of nothing"),
      breach("continuation of nothing, not the last", more("a") + text("b"), 1002,
             "continuation of nothing"),
      breach("continuation of a whole one", text("a") + last("b"), 1002, "continuation of nothing",
             text_log("a")),
      breach("message in a message", begin("a") + text("b"), 1002,
             "message inside of a fragmented message"),
      breach("binary in a text", begin("a") + client_frame(0x02, "b"), 1002,
             "message inside of a fragmented message"),
      {"close between", begin("a") + close_frame(1000) + last("b"), "close 1000 {}\n",
       "closed 1000 {}\n"},
      {"a code point over two", begin("\xce") + last("\xba"), "", text_log("κ")},
  });
}

TEST(Autobahn, Family6Utf8) {
  const auto bad = [](std::string name, std::string_view bytes) {
    return breach(std::move(name), text(bytes), 1007, "invalid UTF-8");
  };
  std::vector<Case> cases{
      {"greek", text("κόσμε"), "", text_log("κόσμε")},
      {"first and last",
       text("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "",
       text_log("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
      {"around the surrogates", text("\xed\x9f\xbf\xee\x80\x80"), "",
       text_log("\xed\x9f\xbf\xee\x80\x80")},
      {"no text, no check", binary("\xff\xfe"), "", "binary {\xff\xfe}\n"},
      bad("lone continuation", "\x80"),
      bad("surrogate", "\xed\xa0\x80"),
      bad("overlong slash in two", "\xc0\xaf"),
      bad("overlong slash in three", "\xe0\x80\xaf"),
      bad("overlong slash in four", "\xf0\x80\x80\xaf"),
      bad("above U+10FFFF", "\xf4\x90\x80\x80"),
      bad("five bytes", "\xf8\x88\x80\x80\x80"),
      bad("cut at the end", "\xce"),
      bad("deep in ASCII", std::string(100, 'a') + "\xff" + std::string(100, 'a')),
      bad("ASCII in a character",
          "\xe2\x82"
          "a"),
  };
  // Fails at once: the message is not over yet.
  cases.push_back(
      breach("at the first bad byte", client_frame(0x01, "a\xf4\x90"), 1007, "invalid UTF-8"));
  std::string unfinished = text("ab\xed\xa0zzzzzzzz");
  unfinished.resize(unfinished.size() - 8);
  cases.push_back(breach("in the middle of a frame", unfinished, 1007, "invalid UTF-8"));
  run(cases);
}

TEST(Autobahn, Family7Close) {
  std::vector<Case> cases{
      {"with a code", close_frame(1000), "close 1000 {}\n", "closed 1000 {}\n"},
      {"with a reason", close_frame(1001, "bye κ"), "close 1001 {bye κ}\n",
       "closed 1001 {bye κ}\n"},
      {"empty", client_frame(0x88, ""), "close {}\n", "closed 1005 {}\n"},
      {"longest reason", close_frame(1000, std::string(123, 'x')),
       "close 1000 {" + std::string(123, 'x') + "}\n",
       "closed 1000 {" + std::string(123, 'x') + "}\n"},
      {"nothing after it", close_frame(1000) + text("a") + ping("b") + close_frame(1000),
       "close 1000 {}\n", "closed 1000 {}\n"},
      {"messages before it", text("a") + close_frame(1000), "close 1000 {}\n",
       text_log("a") + "closed 1000 {}\n"},
      breach("one byte", client_frame(0x88, "x"), 1002, "malformed close frame"),
      breach("reason too long", close_frame(1000, std::string(124, 'x')), 1002,
             "control frame too long"),
      breach("reason no UTF-8", close_frame(1000, "\xce\xba\xed\xa0\x80"), 1007,
             "malformed close frame"),
  };
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                         3000, 3999, 4000, 4999}) {
    const std::string shown = std::to_string(code) + " {}\n";
    cases.push_back({"code " + shown, close_frame(static_cast<uint16_t>(code)), "close " + shown,
                     "closed " + shown});
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    cases.push_back(breach("code " + std::to_string(code), close_frame(static_cast<uint16_t>(code)),
                           1002, "malformed close frame"));
  }
  run(cases);
}

TEST(Autobahn, Family9Limits) {
  HttpSettings settings;
  settings.websocket.max_message_bytes = 200;
  const std::string half(100, 'x');
  run({{"as long as may be", text(half + half), "", "text {200 bytes}\n"},
       {"in fragments", client_frame(0x01, half) + client_frame(0x80, half), "",
        "text {200 bytes}\n"},
       breach("one more", text(half + half + "x"), 1009, "message too big"),
       breach("one more, in fragments", client_frame(0x01, half) + client_frame(0x80, half + "x"),
              1009, "message too big"),
       // Said by the header alone: nothing of it needs to come.
       breach("endless",
              std::string("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
                          "abcd",
                          14),
              1009, "message too big")},
      settings);
}

TEST(Autobahn, UnmaskedAndPaddedFrames) {
  run({
      breach("unmasked",
             std::string("\x81\x01"
                         "a",
                         3),
             1002, "unmasked frame"),
      breach("unmasked ping", std::string("\x89\x00", 2), 1002, "unmasked frame"),
      breach("16 bits for less than 126", std::string("\x81\xfe\x00\x7d", 4) + "keyx", 1002,
             "length not in its shortest form"),
      breach("64 bits for less than 65536",
             std::string("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", 10) + "keyx", 1002,
             "length not in its shortest form"),
      breach("highest bit of the length",
             std::string("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", 10) + "keyx", 1002,
             "length with its highest bit set"),
  });
}

TEST(Autobahn, MasksOfZeroAndOfAllBits) {
  for (const MaskKey key : {MaskKey{0, 0, 0, 0}, MaskKey{'\xff', '\xff', '\xff', '\xff'}}) {
    WebSocketHarness app;
    app.open();
    app.input(to_bytes({.first = 0x81, .payload = "hello, world, and more", .key = key}), 3);
    EXPECT_EQ(app.frames(), "text {hello, world, and more}\n");
  }
}

}  // namespace
}  // namespace tricorn
