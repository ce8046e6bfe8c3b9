// Http1Session: every request that is refused, whole and cut to pieces: the status, and nothing
// reaches the app.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

struct Refusal {
  const char* name;
  int status;
  std::string bytes;
};

std::string with_fields(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

std::string chunked(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

HttpSettings tight_limits() {
  HttpSettings settings;
  settings.max_header_bytes = 600;
  settings.max_target_bytes = 100;
  settings.max_headers = 10;
  settings.max_body_bytes = 20;
  return settings;
}

std::string many_fields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "X: y\r\n";
  return fields;
}

const std::vector<Refusal>& head_refusals() {
  static const std::vector<Refusal> cases = {
      {"bare LF after the request line", 400, "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF after a field", 400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
      {"bare LF at the end of the head", 400, "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {"bare CR in a value", 400, with_fields("X: a\rb\r\n")},
      {"bare CR after the request line", 400, "GET / HTTP/1.1\rHost: a\r\n\r\n"},
      {"obs-fold", 400, with_fields("X: a\r\n b\r\n")},
      {"obs-fold with a tab", 400, with_fields("X: a\r\n\tb\r\n")},
      {"obs-fold of an empty value", 400, with_fields("X:\r\n b\r\n")},
      {"obs-fold of connection", 400, with_fields("Connection: close\r\n x\r\n")},
      {"obs-fold before the first field", 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"space before the colon", 400, with_fields("X : a\r\n")},
      {"space in a name", 400, with_fields("X Y: a\r\n")},
      {"empty name", 400, with_fields(": a\r\n")},
      {"no colon", 400, with_fields("X\r\n")},
      {"NUL in a value", 400, with_fields(std::string_view("X: a\0b\r\n", 8))},
      {"NUL in a name", 400, with_fields(std::string_view("X\0: ab\r\n", 8))},
      {"control byte in a value", 400, with_fields("X: a\x01\r\n")},
      {"DEL in a value", 400, with_fields("X: a\x7f\r\n")},
      {"obs-text in a name", 400, with_fields("X\xe9: a\r\n")},
      {"no host", 400, "GET / HTTP/1.1\r\n\r\n"},
      {"two hosts", 400, with_fields("Host: a\r\n")},
      {"two hosts, any case", 400, with_fields("hOST: b\r\n")},
      {"host with a path", 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"host with a space", 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"host with userinfo", 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {"host with a bad port", 400, "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"},
      {"two hosts on 1.0", 400, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"length and transfer-encoding", 400,
       with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")},
      {"transfer-encoding and length", 400,
       with_fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")},
      {"different lengths", 400, with_fields("Content-Length: 5\r\nContent-Length: 6\r\n")},
      {"repeated lengths", 400, with_fields("Content-Length: 5\r\nContent-Length: 5\r\n")},
      {"length list", 400, with_fields("Content-Length: 5, 5\r\n")},
      {"signed length", 400, with_fields("Content-Length: +5\r\n")},
      {"negative length", 400, with_fields("Content-Length: -5\r\n")},
      {"hexadecimal length", 400, with_fields("Content-Length: 0x5\r\n")},
      {"padded length", 400, with_fields("Content-Length: 5 \r\n")},
      {"length padded with a tab", 400, with_fields("Content-Length: 5\t\r\n")},
      {"empty length", 400, with_fields("Content-Length:\r\n")},
      {"length overflow", 400, with_fields("Content-Length: 18446744073709551616\r\n")},
      {"unknown coding first", 501, with_fields("Transfer-Encoding: gzip, chunked\r\n")},
      {"unknown coding last", 400, with_fields("Transfer-Encoding: chunked, gzip\r\n")},
      {"unknown coding alone", 400, with_fields("Transfer-Encoding: gzip\r\n")},
      {"identity", 400, with_fields("Transfer-Encoding: identity\r\n")},
      {"almost chunked", 400, with_fields("Transfer-Encoding: xchunked\r\n")},
      {"chunked with a comma", 400, with_fields("Transfer-Encoding: chunked,\r\n")},
      {"chunked behind a comma", 400, with_fields("Transfer-Encoding: ,chunked\r\n")},
      {"chunked twice", 400, with_fields("Transfer-Encoding: chunked, chunked\r\n")},
      {"chunked in two fields", 400,
       with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"gzip in a field of its own", 400,
       with_fields("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")},
      {"chunked behind a vertical tab", 400,
       with_fields("Transfer-Encoding: \x0b"
                   "chunked\r\n")},
      {"empty coding", 400, with_fields("Transfer-Encoding:\r\n")},
      {"transfer-encoding on 1.0", 400,
       "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"HTTP/0.9", 400,
       "GET /\r\n"
       "\r\n"},
      {"HTTP/0.9, named", 400, "GET / HTTP/0.9\r\n\r\n"},
      {"HTTP/1.2", 505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
      {"HTTP/2.0", 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {"HTTP/3.0", 505, "GET / HTTP/3.0\r\nHost: a\r\n\r\n"},
      {"HTTP/2 preface", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"lower-case protocol", 400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"space behind the version", 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {"two spaces before the target", 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two spaces before the version", 400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space before the method", 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"tab before the target", 400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"lower-case method", 400, "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"unknown method", 400, "GARBAGE / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"TLS hello", 400, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)},
      {"fragment", 400, "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"no slash", 400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"star of a GET", 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"more than a star", 400, "OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"control byte in the target", 400, "GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"obs-text in the target", 400, "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"other scheme", 400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"userinfo in the target", 400, "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"absolute form without authority", 400, "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"connect", 405, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"websocket upgrade with a body", 400,
       with_fields("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 1\r\n")},
      {"long target", 414, "GET /" + std::string(100, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"long bad target", 414, "GET /" + std::string(150, 'a') + "\x01 HTTP/1.1\r\n\r\n"},
      {"endless target", 414, "GET /" + std::string(2000, 'a')},
      {"long head", 431, with_fields("X: " + std::string(600, 'a') + "\r\n")},
      {"long bad head", 431, with_fields("X: " + std::string(700, 'a') + "\x01\r\n")},
      {"endless name", 431, with_fields(std::string(2000, 'a'))},
      {"too many fields", 431, with_fields(many_fields(10))},
      {"too many fields, if the last were one", 400, with_fields(many_fields(9) + "no-field\r\n")},
      {"long body", 413, with_fields("Content-Length: 21\r\n")},
      {"long body that is awaited", 413,
       with_fields("Content-Length: 21\r\nExpect: 100-continue\r\n")},
  };
  return cases;
}

class RefusedHead : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedHead, GetsTheStatusHoweverItIsCut) {
  for (const size_t piece : {0, 1, 2, 3}) {
    SCOPED_TRACE(piece);
    Http1SessionHarness app(tight_limits());
    app.input(GetParam().bytes, piece);
    const std::string sent = app.sent();
    EXPECT_TRUE(sent.starts_with("HTTP/1.1 " + std::to_string(GetParam().status) + " ")) << sent;
    EXPECT_NE(sent.find("\r\nconnection: close\r\n"), std::string::npos) << sent;
    EXPECT_NE(sent.find("\r\ncontent-length: "), std::string::npos) << sent;
    EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
    EXPECT_FALSE(app.session->wants_input());
    EXPECT_TRUE(app.requests.empty());
    ASSERT_EQ(app.records.size(), 1u);
    EXPECT_EQ(app.begun, 1);
    EXPECT_EQ(app.records[0].status, GetParam().status);
  }
}

std::string case_name(const ::testing::TestParamInfo<Refusal>& info) {
  std::string name;
  for (const char c : std::string_view(info.param.name)) {
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Http1, RefusedHead, ::testing::ValuesIn(head_refusals()), case_name);

const std::vector<Refusal>& body_refusals() {
  static const std::vector<Refusal> cases = {
      {"chunk size with a prefix", 400, chunked("0x5\r\nabcde\r\n0\r\n\r\n")},
      {"signed chunk size", 400, chunked("+5\r\nabcde\r\n0\r\n\r\n")},
      {"negative chunk size", 400, chunked("-5\r\nabcde\r\n0\r\n\r\n")},
      {"space behind the chunk size", 400, chunked("5 \r\nabcde\r\n0\r\n\r\n")},
      {"space before the chunk size", 400, chunked(" 5\r\nabcde\r\n0\r\n\r\n")},
      {"no chunk size", 400, chunked("\r\nabcde\r\n0\r\n\r\n")},
      {"chunk size overflow", 400, chunked("10000000000000000\r\n")},
      {"bare LF behind the chunk size", 400, chunked("5\nabcde\r\n0\r\n\r\n")},
      {"bare LF behind the chunk", 400, chunked("5\r\nabcde\n0\r\n\r\n")},
      {"chunk longer than its size", 400, chunked("5\r\nabcdef\r\n0\r\n\r\n")},
      {"control byte in an extension", 400, chunked("5;a\x01\r\nabcde\r\n0\r\n\r\n")},
      {"bare LF in an extension", 400, chunked("5;a\n\r\nabcde\r\n0\r\n\r\n")},
      {"bare CR in an extension", 400, chunked("5;a\rb\r\nabcde\r\n0\r\n\r\n")},
      {"bare LF at the end", 400, chunked("0\r\n\n")},
      {"obs-fold in a trailer", 400, chunked("0\r\nX: a\r\n b\r\n\r\n")},
      {"length in the trailer", 400, chunked("0\r\nContent-Length: 5\r\n\r\n")},
      {"long chunk", 413, chunked("15\r\n")},
      {"long sum of chunks", 413, chunked("a\r\n0123456789\r\nb\r\n")},
      {"endless extension", 431, chunked("5;" + std::string(2000, 'a'))},
      {"endless zeros", 431, chunked(std::string(2000, '0') + "5\r\nabcde\r\n0\r\n\r\n")},
      {"endless zeros in a later chunk", 431, chunked("5\r\nabcde\r\n" + std::string(2000, '0'))},
      {"endless trailers", 431, chunked("0\r\nX: " + std::string(2000, 'a'))},
  };
  return cases;
}

class RefusedBody : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedBody, GetsTheStatusAndNeverLooksComplete) {
  for (const size_t piece : {0, 1, 2, 3}) {
    SCOPED_TRACE(piece);
    Http1SessionHarness app(tight_limits());
    app.answer_complete_requests();
    app.input(GetParam().bytes, piece);
    const std::string sent = app.sent();
    EXPECT_TRUE(sent.starts_with("HTTP/1.1 " + std::to_string(GetParam().status) + " ")) << sent;
    EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
    ASSERT_EQ(app.records.size(), 1u);
    EXPECT_EQ(app.records[0].status, GetParam().status);
    for (const auto& request : app.requests) {
      EXPECT_FALSE(request.complete);
      EXPECT_TRUE(request.disconnected);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Http1, RefusedBody, ::testing::ValuesIn(body_refusals()), case_name);

TEST(Http1Refusal, SaysWhatIsWrongAsPlainText) {
  Http1SessionHarness app;
  app.input("nonsense\r\n\r\n");
  EXPECT_EQ(app.sent(),
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
            "date: Sun, 22 Nov 2026 12:00:00 GMT\r\nserver: tricorn\r\ncontent-length: 30\r\n"
            "connection: close\r\n\r\nInvalid HTTP request received.");
}

// Each field takes more memory than its bytes: 64 KiB of them would take half a megabyte.
TEST(Http1Refusal, OfTooManyFieldsDoesNotWaitForTheRest) {
  HttpSettings settings;
  settings.max_headers = 10;
  Http1SessionHarness app(settings);
  std::string head = "GET / HTTP/1.1\r\nhost: a\r\n";
  for (int i = 0; i < 10; ++i) head += "a:\r\n";
  app.input(head);
  EXPECT_TRUE(app.sent().starts_with("HTTP/1.1 431 "));
}

TEST(Http1Refusal, OfAHeadHasNoBody) {
  Http1SessionHarness app;
  app.input("HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(app.sent().ends_with("connection: close\r\n\r\n"));
}

TEST(Http1Refusal, ComesBehindTheResponsesThatAreDue) {
  Http1SessionHarness app;
  app.answer_complete_requests("fine");
  app.input("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  const std::string sent = app.sent();
  EXPECT_TRUE(sent.starts_with("HTTP/1.1 200 OK\r\n")) << sent;
  EXPECT_NE(sent.find("fineHTTP/1.1 400 Bad Request\r\n"), std::string::npos) << sent;
}

TEST(Http1Refusal, OfABodyCutsAStartedResponseOff) {
  Http1SessionHarness app;
  app.input(chunked("5\r\nabcde\r\n"));
  ASSERT_TRUE(app.start(200));
  ASSERT_TRUE(app.body("part", true));
  app.input("no chunk");
  EXPECT_TRUE(app.last().disconnected);
  EXPECT_TRUE(app.sent().ends_with("4\r\npart\r\n"));
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(app.records, (std::vector<Http1SessionHarness::Record>{{"POST", "/", 200, 4, true}}));
}

TEST(Http1Refusal, ReportsWhatIsKnownOfTheRequest) {
  Http1SessionHarness app;
  app.input("GET /long HTTP/1.1\r\nHost : a\r\n\r\n");
  EXPECT_EQ(app.records,
            (std::vector<Http1SessionHarness::Record>{{"GET", "/long", 400, 30, false}}));
}

}  // namespace
}  // namespace tricorn
