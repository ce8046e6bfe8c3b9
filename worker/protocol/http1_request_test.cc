// Http1Session: requests that are served, whole and cut to pieces: the app sees the same.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

struct RequestCase {
  const char* name;
  std::string bytes;
  std::string
      seen;  // what the app saw: "method target version [header]... {body}", one line per request
};

std::string describe(const Http1SessionHarness& app) {
  std::string text;
  for (const auto& request : app.requests) {
    text += request.method + " " + request.target;
    text += request.version == HttpVersion::k10 ? " 1.0" : " 1.1";
    for (const auto& [name, value] : request.headers) text += " [" + name + "=" + value + "]";
    text += " {" + request.body + "}";
    if (request.websocket_upgrade) text += " websocket";
    if (!request.complete) text += " incomplete";
    text += "\n";
  }
  return text;
}

const std::vector<RequestCase>& request_cases() {
  static const std::string kUpgrade =
      "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n";
  static const std::vector<RequestCase> cases = {
      {"get", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 [Host=a] {}\n"},
      {"values", "GET / HTTP/1.1\r\nHost:a\r\nX:\r\nY: \t \r\nZ: \t v  w \t\r\nX: \xe9\r\n\r\n",
       "GET / 1.1 [Host=a] [X=] [Y=] [Z=v  w] [X=\xe9] {}\n"},
      {"underscores", "GET / HTTP/1.1\r\nHost: a\r\nx_forwarded_for: b\r\n\r\n",
       "GET / 1.1 [Host=a] [x_forwarded_for=b] {}\n"},
      {"target untouched", "GET //a/../%2F%zz+b?&&=?/\"|{}[]^` HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET //a/../%2F%zz+b?&&=?/\"|{}[]^` 1.1 [Host=a] {}\n"},
      {"empty query", "GET /? HTTP/1.1\r\nHost: a\r\n\r\n", "GET /? 1.1 [Host=a] {}\n"},
      {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 [Host=] {}\n"},
      {"host forms", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / 1.1 [Host=[::1]:80] {}\n"},
      {"host with underscore", "GET / HTTP/1.1\r\nHost: my_app:80\r\n\r\n",
       "GET / 1.1 [Host=my_app:80] {}\n"},
      {"1.0 without host", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 {}\n"},
      {"absolute form", "GET http://b:80/p?q HTTP/1.1\r\nX: y\r\nHost: a\r\n\r\n",
       "GET /p?q 1.1 [X=y] [Host=b:80] {}\n"},
      {"absolute form without path", "GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET / 1.1 [Host=b] {}\n"},
      {"absolute form with query only", "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET /?q 1.1 [Host=b] {}\n"},
      {"absolute form of 1.0", "GET http://b/ HTTP/1.0\r\n\r\n", "GET / 1.0 [host=b] {}\n"},
      {"absolute form of OPTIONS", "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
       "OPTIONS * 1.1 [Host=b] {}\n"},
      {"star", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1.1 [Host=a] {}\n"},
      {"other methods",
       "QUERY / HTTP/1.1\r\nHost: a\r\n\r\nPURGE / HTTP/1.1\r\nHost: a\r\n\r\n"
       "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\nM-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",
       "QUERY / 1.1 [Host=a] {}\nPURGE / 1.1 [Host=a] {}\nPROPFIND / 1.1 [Host=a] {}\n"
       "M-SEARCH / 1.1 [Host=a] {}\n"},
      {"empty lines first",
       "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET / 1.1 [Host=a] {}\nGET /2 1.1 [Host=a] {}\n"},
      {"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:  005\r\n\r\n12345",
       "POST / 1.1 [Host=a] [Content-Length=005] {12345}\n"},
      {"length of zero", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
       "POST / 1.1 [Host=a] [Content-Length=0] {}\n"},
      {"get with a body",
       "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET / 1.1 [Host=a] [Content-Length=2] {ab}\nGET /2 1.1 [Host=a] {}\n"},
      {"chunked",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
       "3\r\nabc\r\nA\r\n0123456789\r\n00\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
       "POST / 1.1 [Host=a] [Transfer-Encoding=Chunked] {abc0123456789}\nGET /2 1.1 [Host=a] {}\n"},
      {"chunked and empty",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked \r\n\r\n0\r\n\r\n",
       "POST / 1.1 [Host=a] [Transfer-Encoding=chunked] {}\n"},
      {"extensions and trailers dropped",
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3;a;b=c;d=\"e f\"\r\nabc\r\n0;x\r\nHost: evil\r\nX-Trailer: v\r\nConnection: close\r\n\r\n",
       "POST / 1.1 [Host=a] [Transfer-Encoding=chunked] {abc}\n"},
      {"unknown upgrade ignored",
       "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: "
       "3\r\n\r\n"
       "abcGET /2 HTTP/1.1\r\nHost: a\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"
       "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
       "POST / 1.1 [Host=a] [Upgrade=h2c] [Connection=Upgrade] [Content-Length=3] {abc}\n"
       "GET /2 1.1 [Host=a] [Upgrade=foo] [Connection=Upgrade] {}\nGET /3 1.1 [Host=a] {}\n"},
      {"websocket",
       "GET /ws HTTP/1.1\r\nHost: a\r\n" + kUpgrade +
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
       "GET /ws 1.1 [Host=a] [Upgrade=WebSocket] [Connection=keep-alive, Upgrade] "
       "[Sec-WebSocket-Version=13] [Sec-WebSocket-Key=dGhlIHNhbXBsZSBub25jZQ==] {} websocket\n"},
      {"nothing behind close",
       "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\nGET /2 HTTP/1.1\r\nHost: "
       "a\r\n\r\n",
       "GET / 1.1 [Host=a] [Connection=x, Close] {}\n"},
      {"nothing behind 1.0", "GET / HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", "GET / 1.0 {}\n"},
      {"kept alive on 1.0",
       "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n",
       "GET / 1.0 [Connection=Keep-Alive] {}\nGET /2 1.0 {}\n"},
      {"unfinished body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12345",
       "POST / 1.1 [Host=a] [Content-Length=9] {12345} incomplete\n"},
      {"unfinished head", "GET / HTTP/1.1\r\nHost: a\r\n", ""},
  };
  return cases;
}

class ServedRequest : public ::testing::TestWithParam<RequestCase> {};

TEST_P(ServedRequest, IsSeenTheSameHoweverItIsCut) {
  std::string whole;
  for (const size_t piece : {0, 1, 2, 3, 7}) {
    SCOPED_TRACE(piece);
    Http1SessionHarness app;
    app.answer_complete_requests();
    app.input(GetParam().bytes, piece);
    EXPECT_EQ(describe(app), GetParam().seen);
    const std::string sent = app.sent();
    if (piece == 0) whole = sent;
    EXPECT_EQ(sent, whole);
    EXPECT_EQ(sent.find("HTTP/1.1 4"), std::string::npos) << sent;
  }
}

// The app answers at the end of the turn, outside of the session's calls.
TEST_P(ServedRequest, IsSeenTheSameByASlowApp) {
  for (const size_t piece : {0, 1, 2, 3}) {
    SCOPED_TRACE(piece);
    Http1SessionHarness app;
    int due = 0;
    app.on_request_complete = [&due](Http1SessionHarness&) { ++due; };
    for (size_t begin = 0; begin < GetParam().bytes.size(); begin += piece == 0 ? 1000 : piece) {
      app.input(std::string_view(GetParam().bytes).substr(begin, piece == 0 ? 1000 : piece));
      while (std::exchange(due, 0) > 0) {
        app.answer("hello");
        app.end_turn();
      }
    }
    EXPECT_EQ(describe(app), GetParam().seen);
  }
}

std::string case_name(const ::testing::TestParamInfo<RequestCase>& info) {
  std::string name;
  for (const char c : std::string_view(info.param.name)) {
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Http1, ServedRequest, ::testing::ValuesIn(request_cases()), case_name);

TEST(Http1Request, ChunksOfOneReadAreOneBody) {
  Http1SessionHarness app;
  app.answer_complete_requests();
  app.input(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  EXPECT_EQ(app.last().initial_body_bytes, 6u);
  EXPECT_TRUE(app.last().complete);
}

TEST(Http1Request, HeadAtExactlyTheLimitIsServed) {
  HttpSettings settings;
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  settings.max_header_bytes = static_cast<uint32_t>(head.size());
  Http1SessionHarness app(settings);
  app.answer_complete_requests();
  app.input(head);
  app.input(head, 5);
  EXPECT_EQ(app.requests.size(), 2u);
}

// Each byte is a call of its own here, so the sanitized build needs the cost to be linear.
TEST(Http1Request, AHugeHeadMayDripIn) {
  Http1SessionHarness app;
  app.answer_complete_requests();
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (head.size() < 60'000)
    head += "X-Field: 0123456789012345678901234567890123456789" + std::string(300, 'v') + "\r\n";
  app.input(head + "\r\n", 1);
  ASSERT_EQ(app.requests.size(), 1u);
  EXPECT_EQ(app.last().headers.back().second.size(), 340u);
  EXPECT_EQ(app.last().headers.front().second, "a");
}

TEST(Http1Request, ExtensionsArePaidForByData) {
  HttpSettings settings;
  settings.max_header_bytes = 100;
  Http1SessionHarness app(settings);
  app.answer_complete_requests();
  std::string body;
  for (int i = 0; i < 50; ++i)
    body += "28;sig=0123456789abcdef\r\n" + std::string(40, 'x') + "\r\n";
  app.input("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
            "0\r\n\r\n");
  EXPECT_EQ(app.last().body.size(), 50u * 40u);
  EXPECT_TRUE(app.last().complete);
}

}  // namespace
}  // namespace tricorn
