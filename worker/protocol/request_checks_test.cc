// RequestChecks: the pure parts, by tables.
#include "worker/protocol/request_checks.h"

#include <gtest/gtest.h>

#include "worker/protocol/char_class.h"

namespace tricorn {
namespace {

TEST(RequestChecks, Hosts) {
  for (const std::string_view host :
       {"", "a", "example.org", "example.org:8000", "example.org:", "127.0.0.1:1", "[::1]",
        "[::1]:80", "[::1]:", "my_app", "a-b.c~d", "%41", "a,b;c=d"}) {
    EXPECT_TRUE(is_valid_host(host)) << host;
  }
  for (const std::string_view host :
       {"a b",  "a/b",     "a?b",  "a#b",  "u@a",    "a\\b",     "a\"b",    "<a>",
        "a:b",  "a:80:81", "[::1", "::1]", "[::1]x", "[::1]:8x", "[[::1]]", "a[b]",
        "\xe9", "a\tb",    "{a}",  "a|b",  "^",      "`"}) {
    EXPECT_FALSE(is_valid_host(host)) << host;
  }
}

TEST(RequestChecks, TransferCodings) {
  for (const std::string_view value : {"chunked", "CHUNKED", "Chunked"}) {
    EXPECT_EQ(transfer_coding_refusal(value), 0) << value;
  }
  for (const std::string_view value :
       {"gzip, chunked", "gzip,chunked", "a, b, chunked", "identity, chunked"}) {
    EXPECT_EQ(transfer_coding_refusal(value), 501) << value;
  }
  for (const std::string_view value :
       {"", "gzip", "chunked, gzip", "chunked,", ",chunked", "chunked, chunked", "chunked;q=1",
        "xchunked", "chunke", "a,,chunked", "chunked, a, chunked"}) {
    EXPECT_EQ(transfer_coding_refusal(value), 400) << value;
  }
}

TEST(RequestChecks, Tokens) {
  EXPECT_TRUE(has_token("close", "close"));
  EXPECT_TRUE(has_token("a, CLOSE\t,b", "close"));
  EXPECT_TRUE(has_token(",,close", "close"));
  EXPECT_FALSE(has_token("", "close"));
  EXPECT_FALSE(has_token("closed, xclose, clo se", "close"));
}

TEST(RequestChecks, ComparesAnyCase) {
  EXPECT_TRUE(equals_ignoring_case("Content-Length", "content-length"));
  EXPECT_FALSE(equals_ignoring_case("Content_Length", "content-length"));
  EXPECT_FALSE(equals_ignoring_case("content-lengt", "content-length"));
  EXPECT_FALSE(equals_ignoring_case("\r", "-"));  // one bit apart, and no letters
}

TEST(RequestChecks, RequestLines) {
  struct Case {
    std::string_view line;
    bool exact;
  };
  for (const Case& test : {Case{"GET / HTTP/1.1\r\n", true}, Case{"GET / HTTP/1.0\r\n", true},
                           Case{"GET  / HTTP/1.1\r\n", false}, Case{"GET /  HTTP/1.1\r\n", false},
                           Case{"GET / HTTP/1.1 \r\n", false}, Case{"GET / http/1.1\r\n", false}}) {
    ParsedHead head;
    head.method = "GET";
    head.target = test.line.substr(test.line.find('/'), 1);
    EXPECT_EQ(is_exact_request_line(test.line, head), test.exact) << test.line;
  }
}

}  // namespace
}  // namespace tricorn
