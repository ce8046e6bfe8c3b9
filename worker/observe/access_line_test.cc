// AccessLine: patterns and the lines they make, and what clients may try to do to a log.
#include "worker/observe/access_line.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "worker/observe/log_text.h"

namespace tricorn {
namespace {

constexpr uint64_t kSeed = 0x123456789abcdef0;

// One exchange, and the line that a pattern makes of it.
struct Sample {
  std::string method = "GET";
  std::string target = "/path?q=1";
  HttpVersion version = HttpVersion::k11;
  int status = 200;
  uint64_t bytes = 13;
  SocketAddress client{"127.0.0.1", 54321, true};
  bool https = false;
  std::vector<Header> request;
  std::vector<Header> response;

  std::string line(std::string_view pattern) const {
    auto compiled = compile_access_pattern(pattern);
    EXPECT_TRUE(compiled) << pattern;
    const RecordNeeds needs{.request_fields = compiled->request_fields,
                            .response_fields = compiled->response_fields};
    CapturedFields fields(needs);
    fields.take_request(request);
    fields.take_response(response);
    const ExchangeRecord record{.method = method,
                                .target = target,
                                .version = version,
                                .status = status,
                                .response_bytes = bytes,
                                .fields = &fields};
    std::string out;
    AccessLine(std::move(*compiled), kSeed)
        .append(out, {.exchange = record,
                      .client = client,
                      .https = https,
                      .connection_requests = 3,
                      .took = std::chrono::nanoseconds(2'001'234'999),
                      .clf_time = "[22/Nov/2026:13:00:00 +0100]",
                      .iso_time = "2026-11-22T12:00:00Z"});
    EXPECT_TRUE(out.ends_with('\n'));
    out.pop_back();
    return out;
  }
};

struct Case {
  const char* pattern;
  std::string line;
};

class AccessLineTable : public testing::TestWithParam<Case> {};

TEST_P(AccessLineTable, IsAsThePatternSays) {
  Sample sample;
  sample.request = {{"Referer", "http://a/"},
                    {"USER-AGENT", "me/1.0"},
                    {"authorization", "Basic am9lOnNlY3JldA=="},  // joe:secret
                    {"X-Request-Id", "abc-1"}};
  sample.response = {{"X-Kind", "plain"}};
  EXPECT_EQ(sample.line(GetParam().pattern), GetParam().line);
}

const Case kCases[] = {
    {"default", R"(127.0.0.1:54321 - "GET /path?q=1 HTTP/1.1" 200)"},
    {"common", R"(127.0.0.1 - joe [22/Nov/2026:13:00:00 +0100] "GET /path?q=1 HTTP/1.1" 200 13)"},
    {"combined", R"(127.0.0.1 - joe [22/Nov/2026:13:00:00 +0100] "GET /path?q=1 HTTP/1.1" 200 13 )"
                 R"("http://a/" "me/1.0")"},
    {"json",
     R"({"time":"2026-11-22T12:00:00Z","client":"127.0.0.1:54321","method":"GET",)"
     R"("target":"/path?q=1","version":"1.1","status":200,"bytes":13,"duration_s":2.001234})"},
    {"%(h)s|%(l)s|%(u)s|%(t)s", "127.0.0.1|-|joe|[22/Nov/2026:13:00:00 +0100]"},
    {"%(r)s|%(R)s|%(request_line)s",
     "GET /path?q=1 HTTP/1.1|GET /path?q=1 HTTP/1.1|"
     "GET /path?q=1 HTTP/1.1"},
    {"%(m)s|%(U)s|%(q)s|%(Uq)s|%(H)s|%(version)s|%(S)s",
     "GET|/path|q=1|/path?q=1|HTTP/1.1|1.1|http"},
    {"%(s)s|%(status_code)d|%(st)s|%(B)s|%(b)s", "200|200|OK|13|13"},
    {"%(T)s|%(M)s|%(D)s|%(L)s", "2|2001|2001234|2.001234"},
    {"%(f)s|%(a)s|%({referer}i)s|%({X-REQUEST-ID}i)s", "http://a/|me/1.0|http://a/|abc-1"},
    {"%({x-kind}o)s|%({x-none}o)s|%({x-none}i)s", "plain|-|-"},
    {"%(client_addr)s|%(client_port)s|%(connection_requests)s|%(request_id)s|%(time)s",
     "127.0.0.1:54321|54321|3|abc-1|2026-11-22T12:00:00Z"},
    {"100%% %(s)s", "100% 200"},
    {"%({TRICORN_TEST_VARIABLE}e)s %({TRICORN_TEST_NONE}e)s", "va\\x22lue -"},
};
INSTANTIATE_TEST_SUITE_P(Table, AccessLineTable, testing::ValuesIn(kCases));

[[maybe_unused]] const int kVariableSet = ::setenv("TRICORN_TEST_VARIABLE", "va\"lue", 1);

TEST(AccessLine, NamesItsProcessAsGunicorn) {
  EXPECT_EQ(Sample{}.line("%(p)s"), "<" + std::to_string(::getpid()) + ">");
}

TEST(AccessLine, MakesRequestIdsWhereThereAreNone) {
  Sample sample;
  EXPECT_EQ(sample.line("%(request_id)s %(request_id)s"),
            "123456789abcdef00000000000000001 123456789abcdef00000000000000002");
  const std::string long_id(500, 'i');
  sample.request = {{"x-request-id", long_id}};
  EXPECT_EQ(sample.line("%(request_id)s"), std::string(256, 'i') + "...");
}

TEST(AccessLine, ShowsWhatIsMissingAsADash) {
  Sample sample;
  sample.target = "/";
  sample.bytes = 0;
  sample.client = {};
  sample.status = 999;
  EXPECT_EQ(sample.line("%(h)s|%(u)s|%(b)s|%(B)s|%(q)s|%(f)s|%(st)s|%(client_port)s"),
            "-|-|-|0||-|-|-");
  EXPECT_EQ(sample.line("default"), R"( - "GET / HTTP/1.1" 999)");
}

TEST(AccessLine, NamesOtherKindsOfClients) {
  Sample sample;
  sample.client = {"2001:db8::1", 80, true};
  sample.https = true;
  sample.version = HttpVersion::k10;
  EXPECT_EQ(sample.line("%(client_addr)s %(h)s %(S)s %(H)s"),
            "2001:db8::1:80 2001:db8::1 https HTTP/1.0");
}

TEST(AccessLine, GivesAClientThatLeftNginxsStatus) {
  Sample sample;
  sample.status = 0;
  EXPECT_EQ(sample.line("%(s)s %(status_code)s"), "499 499");
}

TEST(AccessLine, EscapesWhatCouldForgeALine) {
  Sample sample;
  sample.target = "/a\"b\\c\r\n\x1b[2J\xff\x7f";
  sample.request = {{"user-agent", "x\"\n127.0.0.1 - - forged"}};
  EXPECT_EQ(sample.line("%(r)s"), R"(GET /a\x22b\x5cc\x0d\x0a\x1b[2J\xff\x7f HTTP/1.1)");
  EXPECT_EQ(sample.line("%(a)s"), R"(x\x22\x0a127.0.0.1 - - forged)");
  EXPECT_EQ(sample.line(R"({"a":"%(Uq)s"})"),
            R"({"a":"/a\u0022b\u005cc\u000d\u000a\u001b[2J\u00ff\u007f"})");
}

// At any place of a long value: blocks of it are looked at together.
TEST(AccessLine, EscapesAtEveryPlace) {
  for (size_t place = 0; place < 70; ++place) {
    Sample sample;
    sample.target = std::string(70, 'a');
    sample.target[place] = '"';
    EXPECT_EQ(sample.line("%(Uq)s"),
              std::string(place, 'a') + "\\x22" + std::string(69 - place, 'a'));
  }
}

TEST(AccessLine, IsNeverLongerThanAPipeTakesWhole) {
  for (const char* pattern :
       {"default", "combined", "json", "%(r)s %(r)s %(r)s %({x-long}i)s %(a)s %({x-long}o)s"}) {
    for (char letter : {'a', '\x01', '"'}) {
      Sample sample;
      const std::string text(16384, letter);
      sample.target = sample.method = text;
      sample.client.host = text;
      sample.request = {{"user-agent", text}, {"x-long", text}, {"referer", text}};
      sample.response = {{"x-long", text}};
      const std::string line = sample.line(pattern);
      EXPECT_LT(line.size(), kMaxAccessLine) << pattern;
      EXPECT_NE(line.find("..."), std::string::npos) << pattern;
    }
  }
}

TEST(AccessLine, ACutJsonLineIsWellFormed) {
  Sample sample;
  sample.target = std::string(16384, '\x01');
  EXPECT_TRUE(sample.line("json").ends_with(
      R"(...","version":"1.1","status":200,"bytes":13,"duration_s":2.001234})"));
}

TEST(LogText, ReadsTheUserOfBasicCredentialsOnly) {
  std::string out;
  EXPECT_EQ(basic_auth_user("Basic dXNlcjpwYXNz", out), "user");
  EXPECT_EQ(basic_auth_user("bAsIc dXNlcjpwYXNz", out), "user");
  EXPECT_EQ(basic_auth_user("Basic OnBhc3M=", out), "");  // ":pass"
  EXPECT_EQ(basic_auth_user("Basic c2VjcmV0", out), "");  // "secret": no colon
  EXPECT_EQ(basic_auth_user("Bearer dXNlcjpwYXNz", out), "");
  EXPECT_EQ(basic_auth_user("Basic ", out), "");
  EXPECT_EQ(basic_auth_user("", out), "");
}

}  // namespace
}  // namespace tricorn
