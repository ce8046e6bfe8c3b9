// Http1Session: what a response may have beside head and body: early hints, trailers, files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "worker/protocol/http1_session_harness.h"
#include "worker/protocol/trailer_fields.h"

namespace tricorn {
namespace {

using Headers = Http1SessionHarness::Headers;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kGetTe = "GET / HTTP/1.1\r\nHost: a\r\nTE: deflate, Trailers\r\n\r\n";
constexpr std::string_view kHeadTe = "HEAD / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n";
constexpr std::string_view kGet10Te = "GET / HTTP/1.0\r\nTE: trailers\r\n\r\n";

HttpSettings bare() {
  HttpSettings settings;
  settings.date_header = settings.server_header = false;
  return settings;
}

FileSlice file_of(std::string_view text, uint64_t offset, uint64_t length) {
  FileSlice file{UniqueFd(memfd_create("test", MFD_CLOEXEC)), offset, length};
  EXPECT_EQ(write(file.fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return file;
}

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(Http1Informational, GoesOutBeforeTheResponse) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.inform(103, {{"link", "</a.css>"}, {"link", "</b.js>"}}));
  EXPECT_TRUE(app.needs_turn);
  EXPECT_TRUE(app.session->output_ready());
  EXPECT_EQ(app.sent(), "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nlink: </b.js>\r\n\r\n");
  ASSERT_TRUE(app.inform(103, {{"link", "</c>"}, {"content-length", "3"}}));
  app.answer("x");
  EXPECT_EQ(app.sent(),
            "HTTP/1.1 103 Early Hints\r\nlink: </c>\r\n\r\n"
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\nx");
}

TEST(Http1Informational, IsNotForHttp10) {
  Http1SessionHarness app(bare());
  app.input(kGet10Te);
  EXPECT_TRUE(app.inform(103, {{"link", "</a>"}}));
  EXPECT_FALSE(app.inform(103, {{"link", "a\r\nb"}}));
  EXPECT_TRUE(app.session->output().empty());
}

TEST(Http1Informational, RefusesWhatIsNone) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  for (int status : {99, 101, 200}) EXPECT_FALSE(app.inform(status, {})) << status;
  for (const char* bad : {"a\nb", "a\rb", "\x01"}) EXPECT_FALSE(app.inform(103, {{"link", bad}}));
  EXPECT_FALSE(app.inform(103, {{"link", std::string("\0", 1)}}));
  EXPECT_TRUE(app.session->output().empty());
  ASSERT_TRUE(app.start(200));
  EXPECT_FALSE(app.inform(103, {{"link", "</a>"}}));
}

struct TrailerCase {
  const char* name;
  std::string_view request;
  Headers fields;
  std::string_view sent;
};

TEST(Http1Trailers, AreSentWithChunksToWhoAskedForThem) {
  const TrailerCase cases[] = {
      {"asked for",
       kGetTe,
       {},
       "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n0\r\nx-sum: 1\r\nX-Two: 2\r\n\r\n"},
      {"not asked for", kGet, {}, "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"},
      {"a length",
       kGetTe,
       {{"content-length", "3"}},
       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"},
      {"HEAD", kHeadTe, {}, "HTTP/1.1 200 OK\r\n\r\n"},
      {"HTTP/1.0",
       kGet10Te,
       {},
       "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"},
  };
  for (const TrailerCase& example : cases) {
    Http1SessionHarness app(bare());
    app.input(example.request);
    ASSERT_TRUE(app.start(200, example.fields, true)) << example.name;
    EXPECT_FALSE(app.trailers({})) << example.name;
    ASSERT_TRUE(app.body("abc", false)) << example.name;
    EXPECT_FALSE(app.body("", false)) << example.name;
    EXPECT_TRUE(app.records.empty()) << example.name;  // not complete yet, for nobody
    ASSERT_TRUE(app.trailers({{"x-sum", "1"}}, true)) << example.name;
    EXPECT_TRUE(app.records.empty()) << example.name;
    ASSERT_TRUE(app.trailers({{"X-Two", "2"}})) << example.name;
    EXPECT_EQ(app.records.size(), 1u) << example.name;
    EXPECT_EQ(app.sent(), example.sent) << example.name;
  }
}

TEST(Http1Trailers, OfAStreamEndWhatTheBodyDidNot) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200, {}, true));
  ASSERT_TRUE(app.body("abc", true));
  ASSERT_TRUE(app.body("", false));
  app.sent();
  ASSERT_TRUE(app.trailers({{"x-sum", "1"}}));  // dropped: the chunks were ended before
  EXPECT_EQ(app.sent(), "");

  Http1SessionHarness asked(bare());
  asked.input(std::string(kGetTe) + std::string(kGet));
  ASSERT_TRUE(asked.start(200, {}, true));
  ASSERT_TRUE(asked.body("abc", true));
  ASSERT_TRUE(asked.body("", false));
  EXPECT_TRUE(asked.sent().ends_with("\r\n\r\n3\r\nabc\r\n"));
  EXPECT_EQ(asked.requests.size(), 1u);
  ASSERT_TRUE(asked.trailers({}));
  asked.end_turn();
  EXPECT_EQ(asked.sent(), "0\r\n\r\n");
  EXPECT_EQ(asked.requests.size(), 2u);
}

TEST(Http1Trailers, WrongOnesAreRefusedForEveryClient) {
  for (const std::string_view request : {kGet, kGetTe}) {
    Http1SessionHarness app(bare());
    app.input(request);
    ASSERT_TRUE(app.start(200, {}, true));
    ASSERT_TRUE(app.body("abc", false));
    app.sent();
    EXPECT_FALSE(app.trailers({{"x", "a\r\nb"}}));
    EXPECT_FALSE(app.trailers({{"x y", "a"}}));
    EXPECT_FALSE(app.trailers({{"ok", "1"}, {"Content-Length", "3"}}));
    EXPECT_EQ(app.sent(), "");
  }
  Http1SessionHarness silent(bare());
  silent.input(kGetTe);
  ASSERT_TRUE(silent.start(200));
  ASSERT_TRUE(silent.body("abc", true));
  EXPECT_FALSE(silent.trailers({}));
}

TEST(Http1Trailers, ABodyWithoutItsTrailersIsCutOff) {
  Http1SessionHarness app(bare());
  app.input(kGetTe);
  ASSERT_TRUE(app.start(200, {}, true));
  ASSERT_TRUE(app.body("abc", false));
  app.writer->abort();
  EXPECT_TRUE(app.sent().ends_with("\r\n3\r\nabc\r\n"));
  EXPECT_EQ(app.session->phase(), SessionPhase::kClosing);
}

TEST(TrailerFields, ForbidsWhatIsNeededBeforeTheBody) {
  for (const char* name : {"Host", "transfer-encoding", "Set-Cookie", "authorization", "trailer"}) {
    EXPECT_TRUE(is_forbidden_trailer(name)) << name;
  }
  for (const char* name : {"x-sum", "etag", "digest", "server-timing", "grpc-status"}) {
    EXPECT_FALSE(is_forbidden_trailer(name)) << name;
  }
}

TEST(Http1File, IsABodyLikeAnother) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200));
  EXPECT_EQ(app.writer->body_room(), std::numeric_limits<uint64_t>::max());
  ASSERT_TRUE(app.writer->file(file_of("0123456789", 2, 5), false));
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n23456");
  EXPECT_EQ(app.records.at(0).response_bytes, 5u);

  app.input(kGet);
  ASSERT_TRUE(app.start(200));
  ASSERT_TRUE(app.body("a", true));
  ASSERT_TRUE(app.writer->file(file_of("0123456789", 0, 10), true));
  ASSERT_TRUE(app.writer->file(FileSlice{}, true));  // an empty one is not the last chunk
  ASSERT_TRUE(app.body("", false));
  EXPECT_TRUE(app.sent().ends_with("\r\n\r\n1\r\na\r\na\r\n0123456789\r\n0\r\n\r\n"));
}

TEST(Http1File, IsHeldToTheContentLength) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200, {{"content-length", "4"}}));
  ASSERT_TRUE(app.body("a", true));
  EXPECT_EQ(app.writer->body_room(), 3u);
  EXPECT_FALSE(app.writer->file(file_of("0123", 0, 4), false));
  EXPECT_FALSE(app.writer->file(file_of("01", 0, 2), false));
  app.writer->abort();
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na01");
}

TEST(Http1File, IsNotSentWhereNoBodyIs) {
  Http1SessionHarness app(bare());
  app.input("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(app.start(200));
  EXPECT_EQ(app.writer->body_room(), std::nullopt);
  ASSERT_TRUE(app.writer->file(FileSlice{UniqueFd(), 0, 77}, false));
  EXPECT_EQ(app.sent(), "HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n");
}

TEST(Http1File, IsClosedWithTheSession) {
  FileSlice file = file_of("0123456789", 0, 10);
  const int fd = file.fd.get();
  {
    Http1SessionHarness app;
    app.input(kGet);
    ASSERT_TRUE(app.start(200));
    ASSERT_TRUE(app.writer->file(std::move(file), true));
    app.session->on_disconnect();
    EXPECT_TRUE(app.last().disconnected);
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(Http1File, HoldsBackSendersAndPipelinedRequestsUntilItIsSent) {
  HttpSettings settings = bare();
  settings.write_high_water_bytes = 1000;
  Http1SessionHarness app(settings);
  app.input(std::string(kGet) + std::string(kGet));
  ASSERT_TRUE(app.start(200));
  ASSERT_TRUE(app.writer->file(file_of(std::string(5000, 'x'), 0, 5000), true));
  EXPECT_TRUE(app.writer->congested());
  ASSERT_TRUE(app.body("", false));
  app.end_turn();
  EXPECT_EQ(app.requests.size(), 1u);
  EXPECT_NE(app.sent().find(std::string(5000, 'x')), std::string::npos);
  app.end_turn();
  EXPECT_EQ(app.requests.size(), 2u);
}

TEST(Http1Withdraw, TakesBackAHeadThatHasNotLeft) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.start(200, {{"content-length", "9"}}, true));
  EXPECT_TRUE(app.writer->withdraw());
  app.answer("gone", 404);
  EXPECT_EQ(app.sent(),
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\ngone");
  EXPECT_EQ(app.records.at(0).status, 404);

  app.input(kGet);
  ASSERT_TRUE(app.start(200));
  app.end_turn();
  EXPECT_FALSE(app.writer->withdraw());
}

// It left behind early hints, for one, in the same write; what follows is its framing all the same.
TEST(Http1Withdraw, LeavesAHeadOpenThatHasLeftAlready) {
  Http1SessionHarness app(bare());
  app.input(kGet);
  ASSERT_TRUE(app.inform(103, {{"link", "</a>"}}));
  ASSERT_TRUE(app.start(200));
  EXPECT_EQ(app.sent(), "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n");
  EXPECT_FALSE(app.writer->withdraw());
  ASSERT_TRUE(app.body("x-injected: 1\r\n\r\n", false));
  EXPECT_EQ(app.sent(), "content-length: 17\r\n\r\nx-injected: 1\r\n\r\n");
}

}  // namespace
}  // namespace tricorn
