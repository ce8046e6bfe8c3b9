// Http1Session: responses: head, framing, persistence, and the app's mistakes.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

using Headers = Http1SessionHarness::Headers;

struct Message {
  std::string_view bytes;
  bool more;
};

struct ResponseCase {
  const char* name;
  std::string_view request;
  int status;
  Headers fields;
  std::vector<Message> messages;
  std::string_view sent;  // without date and server
  SessionPhase phase = SessionPhase::kIdle;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kGetClose = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n";
constexpr std::string_view kHead = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kGet10 = "GET / HTTP/1.0\r\n\r\n";
constexpr std::string_view kGet10Kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
constexpr SessionPhase kClosing = SessionPhase::kClosing;

HttpSettings bare() {
  HttpSettings settings;
  settings.date_header = settings.server_header = false;
  return settings;
}

const std::vector<ResponseCase>& response_cases() {
  static const std::vector<ResponseCase> cases = {
      {"computed length",
       kGet,
       200,
       {},
       {{"abc", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"},
      {"empty body", kGet, 200, {}, {{"", false}}, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"},
      {"given length",
       kGet,
       200,
       {{"Content-Length", "6"}},
       {{"abc", true}, {"", true}, {"def", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabcdef"},
      {"same length twice",
       kGet,
       200,
       {{"content-length", "3"}, {"Content-Length", "3"}},
       {{"abc", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"},
      {"chunked",
       kGet,
       200,
       {},
       {{"abc", true}, {"0123456789abcdef", true}, {"", false}},
       "HTTP/1.1 200 OK\r\ntransfer-encoding: "
       "chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"},
      {"empty chunks write nothing",
       kGet,
       200,
       {},
       {{"", true}, {"", true}, {"abc", false}},
       "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
      {"transfer-encoding of the app",
       kGet,
       200,
       {{"Transfer-Encoding", "gzip"}, {"X", "y"}},
       {{"a", false}},
       "HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 1\r\n\r\na"},
      {"fields in order, repeated",
       kGet,
       200,
       {{"Set-Cookie", "a=1"}, {"x", ""}, {"set-cookie", "b=\xe9"}},
       {{"", false}},
       "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nx: \r\nset-cookie: b=\xe9\r\ncontent-length: "
       "0\r\n\r\n"},
      {"head with length",
       kHead,
       200,
       {{"content-length", "6"}},
       {{"", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"},
      {"head with a body",
       kHead,
       200,
       {},
       {{"abc", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"},
      {"head with length and body",
       kHead,
       200,
       {{"content-length", "6"}},
       {{"abcdef", true}, {"too much", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"},
      {"head of a stream", kHead, 200, {}, {{"abc", true}, {"", false}}, "HTTP/1.1 200 OK\r\n\r\n"},
      {"204",
       kGet,
       204,
       {{"content-length", "3"}},
       {{"abc", false}},
       "HTTP/1.1 204 No Content\r\n\r\n"},
      {"204 in pieces",
       kGet,
       204,
       {},
       {{"abc", true}, {"", false}},
       "HTTP/1.1 204 No Content\r\n\r\n"},
      {"205",
       kGet,
       205,
       {},
       {{"", false}},
       "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"},
      {"205 with a body",
       kGet,
       205,
       {{"content-length", "3"}},
       {{"abc", false}},
       "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"},
      {"304", kGet, 304, {}, {{"", false}}, "HTTP/1.1 304 Not Modified\r\n\r\n"},
      {"304 with length",
       kGet,
       304,
       {{"content-length", "99"}},
       {{"", false}},
       "HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n"},
      {"unregistered status",
       kGet,
       299,
       {},
       {{"", false}},
       "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n"},
      {"status beyond the table",
       kGet,
       999,
       {},
       {{"", false}},
       "HTTP/1.1 999 \r\ncontent-length: 0\r\n\r\n"},
      {"client closes",
       kGetClose,
       200,
       {},
       {{"a", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
       kClosing},
      {"app closes",
       kGet,
       200,
       {{"Connection", "x, Close"}},
       {{"a", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
       kClosing},
      {"app keeps",
       kGet,
       200,
       {{"Connection", "keep-alive"}},
       {{"a", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"},
      {"1.0",
       kGet10,
       200,
       {},
       {{"a", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
       kClosing},
      {"1.0 kept alive",
       kGet10Kept,
       200,
       {},
       {{"a", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\na"},
      {"1.0 until close",
       kGet10Kept,
       200,
       {},
       {{"ab", true}, {"c", false}},
       "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc",
       kClosing},
      {"1.0 stream with length",
       kGet10Kept,
       200,
       {{"content-length", "3"}},
       {{"ab", true}, {"c", false}},
       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\nabc"},
  };
  return cases;
}

class WrittenResponse : public ::testing::TestWithParam<ResponseCase> {};

TEST_P(WrittenResponse, IsFramed) {
  const ResponseCase& test = GetParam();
  Http1SessionHarness app(bare());
  app.input(test.request);
  ASSERT_TRUE(app.start(test.status, test.fields));
  EXPECT_FALSE(app.session->output_ready());
  for (const Message& message : test.messages) ASSERT_TRUE(app.body(message.bytes, message.more));
  app.end_turn();
  EXPECT_TRUE(app.session->output_ready());
  EXPECT_EQ(app.sent(), test.sent);
  EXPECT_EQ(app.session->phase(), test.phase);
  ASSERT_EQ(app.records.size(), 1u);
  EXPECT_EQ(app.records[0].status, test.status);
  EXPECT_FALSE(app.records[0].aborted);
}

// The same answered inside on_request, and a second request behind it: the connection stays in
// sync.
TEST_P(WrittenResponse, LeavesTheConnectionInSync) {
  const ResponseCase& test = GetParam();
  Http1SessionHarness app(bare());
  app.on_request_complete = [&test](Http1SessionHarness& self) {
    ASSERT_TRUE(self.start(test.status, test.fields));
    for (const Message& message : test.messages)
      ASSERT_TRUE(self.body(message.bytes, message.more));
  };
  app.input(std::string(test.request) + std::string(test.request));
  const bool kept = test.phase == SessionPhase::kIdle;
  EXPECT_EQ(app.sent(), std::string(test.sent) + (kept ? std::string(test.sent) : ""));
  EXPECT_EQ(app.requests.size(), kept ? 2u : 1u);
}

std::string case_name(const ::testing::TestParamInfo<ResponseCase>& info) {
  std::string name;
  for (const char c : std::string_view(info.param.name)) {
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Http1, WrittenResponse, ::testing::ValuesIn(response_cases()), case_name);

struct BadHead {
  int status;
  Headers fields;
};

TEST(Http1Response, RefusesBadHeadsAndWritesNothing) {
  const std::vector<BadHead> heads = {
      {99, {}},
      {1000, {}},
      {-1, {}},
      {100, {}},
      {101, {}},
      {103, {}},
      {199, {}},
      {200, {{"x", "a\r\nb"}}},
      {200, {{"x", "a\nb"}}},
      {200, {{"x", "a\rb"}}},
      {200, {{"x", std::string("a\0b", 3)}}},
      {200, {{"x\r\ny", "a"}}},
      {200, {{std::string("x\0", 2), "a"}}},
      {200, {{"x y", "a"}}},
      {200, {{"x:", "a"}}},
      {200, {{"", "a"}}},
      {200, {{"content-length", ""}}},
      {200, {{"content-length", "+1"}}},
      {200, {{"content-length", "-1"}}},
      {200, {{"content-length", "1 "}}},
      {200, {{"content-length", "0x1"}}},
      {200, {{"content-length", "18446744073709551616"}}},
      {200, {{"content-length", "1"}, {"content-length", "2"}}},
  };
  Http1SessionHarness app(bare());
  app.input(kGet);
  for (const BadHead& head : heads) {
    EXPECT_FALSE(app.start(head.status, head.fields)) << head.status;
    EXPECT_TRUE(app.session->output().empty());
  }
  EXPECT_FALSE(app.body("early", true));
  ASSERT_TRUE(app.start(500));
  EXPECT_FALSE(app.start(200));
  ASSERT_TRUE(app.body("", false));
  EXPECT_EQ(app.sent(), "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n");
}

TEST(Http1Response, NothingOfATooLongChunkIsWritten) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200, {{"content-length", "4"}}));
  ASSERT_TRUE(app.body("ab", true));
  EXPECT_FALSE(app.body("cde", true));
  EXPECT_FALSE(app.body("cde", false));
  ASSERT_TRUE(app.body("cd", false));
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd");
  EXPECT_EQ(app.session->phase(), SessionPhase::kIdle);
}

TEST(Http1Response, TooShortABodyIsAborted) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200, {{"content-length", "4"}}));
  ASSERT_TRUE(app.body("ab", true));
  EXPECT_FALSE(app.body("c", false));
  EXPECT_EQ(app.session->phase(), SessionPhase::kServing);
  app.writer->abort();
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc");
  EXPECT_EQ(app.records, (std::vector<Http1SessionHarness::Record>{{"GET", "/", 200, 3, true}}));
}

TEST(Http1Response, HeadAloneLeavesAtTheEndOfTheTurn) {
  Http1SessionHarness app(bare());
  app.on_request_begin = [](Http1SessionHarness& self) { ASSERT_TRUE(self.start(200)); };
  app.session->on_input(kGet);
  EXPECT_FALSE(app.session->output_ready());
  EXPECT_TRUE(app.needs_turn);
  app.end_turn();
  EXPECT_TRUE(app.session->output_ready());
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  ASSERT_TRUE(app.body("a", true));
  EXPECT_TRUE(app.needs_turn);
  EXPECT_EQ(app.sent(), "1\r\na\r\n");
}

TEST(Http1Response, DefaultFieldsGiveWayToTheApps) {
  HttpSettings settings;
  settings.extra_headers = {{"X-Frame-Options", "DENY"}, {"X-Other", "1"}};
  Http1SessionHarness app(settings);
  app.input(kGet);
  ASSERT_TRUE(
      app.start(200, {{"Date", "today"}, {"SERVER", "mine"}, {"x-frame-options", "SAMEORIGIN"}}));
  ASSERT_TRUE(app.body("", false));
  EXPECT_EQ(app.sent(),
            "HTTP/1.1 200 OK\r\nDate: today\r\nSERVER: mine\r\nx-frame-options: SAMEORIGIN\r\n"
            "X-Other: 1\r\ncontent-length: 0\r\n\r\n");
}

TEST(Http1Response, AnExtraServerHeaderReplacesOurs) {
  HttpSettings settings;
  settings.date_header = false;
  settings.extra_headers = {{"Server", "other"}};
  Http1SessionHarness app(settings);
  app.input(kGet);
  app.answer("");
  EXPECT_EQ(app.sent(),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nServer: other\r\n"
            "content-length: 0\r\n\r\n");
}

TEST(Http1Response, LargeOwnedChunksAreKeptByReference) {
  static int released;
  released = 0;
  std::string large(100'000, 'x');
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200));
  ASSERT_TRUE(app.writer->body(Chunk(large, &large, [](void*) noexcept { ++released; }), false));
  std::array<iovec, 4> iovecs;
  ASSERT_EQ(app.session->output().iovecs(iovecs), 2u);
  EXPECT_EQ(iovecs[1].iov_base, large.data());
  EXPECT_EQ(released, 0);
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + large);
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace tricorn
