// Forwarded: tables of nodes, elements and whole requests; then a session, which must not let one
// request's origin reach the next.
#include "worker/protocol/forwarded.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "worker/protocol/http1_session_harness.h"

namespace tricorn {
namespace {

constexpr uint32_t kDefault = kXForwardedFor | kXForwardedProto;

ForwardedRules rules(std::string_view trusted, uint32_t fields) {
  return {TrustedPeers::parse(trusted).value(), fields};
}

using Fields = std::vector<Header>;

std::string read(std::string_view trusted, uint32_t fields, const Fields& headers) {
  return shown(read_forwarded(headers, rules(trusted, fields)).origin);
}

TEST(ForwardedNode, Forms) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"192.0.2.1", "192.0.2.1 0"},
      {"192.0.2.1:80", "192.0.2.1 80"},
      {"192.0.2.1:0", "192.0.2.1 0"},
      {"192.0.2.1:65535", "192.0.2.1 65535"},
      {"192.0.2.1:_port", "192.0.2.1 0"},
      {"2001:db8::1", "2001:db8::1 0"},
      {"[2001:db8::1]", "2001:db8::1 0"},
      {"[2001:db8::1]:4711", "2001:db8::1 4711"},
      {"[2001:DB8::1]:_x.Y-z", "2001:db8::1 0"},
      {"::ffff:192.0.2.1", "192.0.2.1 0"},
      {"", ""},
      {"unknown", ""},
      {"_hidden", ""},
      {"localhost", ""},
      {"192.0.2.1:", ""},
      {"192.0.2.1:65536", ""},
      {"192.0.2.1:8o", ""},
      {"192.0.2.1:-1", ""},
      {"192.0.2.1:_", ""},
      {"192.0.2.1 ", ""},
      {"[192.0.2.1]", ""},
      {"[2001:db8::1", ""},
      {"[2001:db8::1]4711", ""},
      {"[2001:db8::1]:", ""},
      {"[]", ""},
      {"[", ""},
      {":", ""},
      {":80", ""},
      {"unix:", ""},
      {"\xf0\xfd\xfd\xfd", ""},
  };
  for (const auto& [text, expected] : cases) {
    const auto node = parse_node(text);
    EXPECT_EQ(node ? fmt::format("{} {}", to_string(node->address), node->port) : "", expected)
        << text;
  }
}

TEST(ForwardedList, IsTakenFromTheRight) {
  struct Case {
    std::string_view list;
    bool quotes;
    std::vector<std::string_view> elements;
  };
  const Case cases[] = {
      {"a", false, {"a"}},
      {"a, b\t,c ", false, {"c", "b", "a"}},
      {"a,,b", false, {"b", "", "a"}},
      {"a,", false, {"", "a"}},
      {R"(a="1,2",b)", false, {"b", "2\"", "a=\"1"}},
      {R"(a="1,2",b)", true, {"b", R"(a="1,2")"}},
      {R"(a="1\",2",b="\\")", true, {R"(b="\\")", R"(a="1\",2")"}},
      // What is not closed on the left takes nothing from the element on the right.
      {R"(for="evil, for=9.9.9.9)", true, {"for=9.9.9.9", R"(for="evil)"}},
      {R"(for="\, for=9.9.9.9)", true, {"for=9.9.9.9", R"(for="\)"}},
      {R"(for="a, for=", for="b")", true, {R"(for="b")", R"(for="a, for=")"}},
  };
  for (const Case& one : cases) {
    std::vector<std::string_view> elements;
    for (std::string_view rest = one.list; !rest.empty();) {
      elements.push_back(take_last_element(rest, one.quotes));
    }
    EXPECT_EQ(elements, one.elements) << one.list;
  }
}

TEST(ForwardedElement, Rfc7239AndWhatProxiesWrite) {
  struct Case {
    std::string_view text;
    std::string_view expected;  // node|proto, or "malformed"
  };
  const Case cases[] = {
      // Section 4
      {R"(for="_gazonk")", "_gazonk|"},
      {R"(For="[2001:db8:cafe::17]:4711")", "[2001:db8:cafe::17]:4711|"},
      {"for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60|http"},
      // Sections 5 and 6
      {R"(for=192.0.2.43;host="example.com:8080";proto=https)", "192.0.2.43|https"},
      {R"(by="[2001:db8::1]:_sec";for=unknown)", "unknown|"},
      {"for=_hidden;by=_SEVKISEK", "_hidden|"},
      {R"(for="192.0.2.43:47011")", "192.0.2.43:47011|"},
      // Section 7
      {R"(for="[2001:db8:cafe::17]")", "[2001:db8:cafe::17]|"},
      {R"(for=192.0.2.43;by="10.10.10.10";ext-param="a\"b;c=d")", "192.0.2.43|"},
      // The grammar's corners
      {"", "|"},
      {";", "|"},
      {";for=a;;proto=b;", "a|b"},
      {R"(for="a\b\"\\")", R"(ab"\|)"},
      {R"(for="")", "|"},
      {"secret=x", "|"},
      // Beyond the grammar, but written and clear
      {"for=192.0.2.43:80; proto=https ; by=10.0.0.1", "192.0.2.43:80|https"},
      {"for=[2001:db8::1]:80", "[2001:db8::1]:80|"},
      // Malformed
      {"for", "malformed"},
      {"for=", "malformed"},
      {"=a", "malformed"},
      {"for =a", "malformed"},
      {"for= a", "malformed"},
      {"for=a b", "malformed"},
      {R"(for="a)", "malformed"},
      {R"(for="a\)", "malformed"},
      {R"(for="a"b)", "malformed"},
      {R"(for=a"b")", "malformed"},
      {"for=a;for=b", "malformed"},
      {"proto=http;PROTO=https", "malformed"},
      {"192.0.2.1", "malformed"},
      {"f@r=a", "malformed"},
  };
  for (const Case& one : cases) {
    const auto element = parse_forwarded_element(one.text);
    EXPECT_EQ(element ? element->node + "|" + element->proto : "malformed", one.expected)
        << one.text;
  }
}

TEST(XForwarded, WhoAndHow) {
  struct Case {
    std::string_view trusted;
    Fields headers;
    std::string_view expected;
  };
  const Case cases[] = {
      // As uvicorn's own tests, in spirit
      {"*", {{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "https"}}, "https 1.2.3.4 0"},
      {"127.0.0.1", {{"X-Forwarded-For", "1.2.3.4"}}, "? 1.2.3.4 0"},
      {"127.0.0.1", {{"x-forwarded-for", "192.168.0.2, 10.0.0.1"}}, "? 10.0.0.1 0"},
      {"127.0.0.1,10.0.0.1",
       {{"x-forwarded-for", "1.1.1.1, 192.168.0.2, 10.0.0.1"}},
       "? 192.168.0.2 0"},
      {"127.0.0.1,10.0.0.0/8,192.168.0.2",
       {{"x-forwarded-for", "192.168.0.2, 10.0.0.1"}},
       "? 192.168.0.2 0"},  // all trusted: the first one
      {"*", {{"x-forwarded-for", "1.2.3.4, 10.0.2.1, 192.168.0.2"}}, "? 1.2.3.4 0"},
      {"*", {{"x-forwarded-for", "1.2.3.4, \xf0\xfd\xfd\xfd, unix:, ::1"}}, "? 1.2.3.4 0"},
      {"127.0.0.1", {{"x-forwarded-for", ""}}, "? -"},
      {"127.0.0.1", {{"x-forwarded-for", ", ,"}}, "? -"},
      {"127.0.0.1", {{"x-forwarded-for", "1.2.3.4:8080"}}, "? 1.2.3.4 8080"},
      {"127.0.0.1", {{"x-forwarded-for", "[2001:db8::1]:8080"}}, "? 2001:db8::1 8080"},
      {"127.0.0.1", {{"x-forwarded-for", "2001:db8::1"}}, "? 2001:db8::1 0"},
      {"::1", {{"x-forwarded-for", "2001:DB8::7, [::1]"}}, "? 2001:db8::7 0"},
      // Several lines are one list
      {"10.0.0.0/8",
       {{"x-forwarded-for", "6.6.6.6"}, {"a", "b"}, {"x-forwarded-for", "10.0.0.1"}},
       "? 6.6.6.6 0"},
      {"10.0.0.0/8",
       {{"x-forwarded-for", "6.6.6.6"}, {"x-forwarded-for", "1.1.1.1, 10.0.0.1"}},
       "? 1.1.1.1 0"},
      {"10.0.0.0/8", {{"x-forwarded-for", "6.6.6.6"}, {"x-forwarded-for", ""}}, "? 6.6.6.6 0"},
      // Garbage ends the walk: what is to the left of it does not count
      {"10.0.0.0/8", {{"x-forwarded-for", "6.6.6.6, unknown"}}, "? -"},
      {"10.0.0.0/8", {{"x-forwarded-for", "6.6.6.6, unknown, 10.0.0.1"}}, "? 10.0.0.1 0"},
      {"10.0.0.0/8", {{"x-forwarded-for", "6.6.6.6 10.0.0.1"}}, "? -"},
      {"unix", {{"x-forwarded-for", "6.6.6.6, unix"}}, "? -"},
      // Proto
      {"*", {{"x-forwarded-proto", "HTTPS"}}, "https -"},
      {"*", {{"x-forwarded-proto", "http"}}, "http -"},
      {"*", {{"x-forwarded-proto", "wss"}}, "https -"},
      {"*", {{"x-forwarded-proto", "ws"}}, "http -"},
      {"*", {{"x-forwarded-proto", "ftp"}}, "? -"},
      {"*", {{"x-forwarded-proto", ""}}, "? -"},
      {"*", {{"x-forwarded-proto", "https://"}}, "? -"},
      {"*", {{"x-forwarded-proto", "http, https"}}, "https -"},
      {"*", {{"x-forwarded-proto", "https"}, {"x-forwarded-proto", "http"}}, "http -"},
      // Not these
      {"*", {{"x_forwarded_for", "6.6.6.6"}, {"x-forwarded-fo", "6.6.6.6"}}, "? -"},
      {"*", {{"x_forwarded_proto", "https"}}, "? -"},
      {"*", {{"forwarded", "for=6.6.6.6;proto=https"}}, "? -"},
      {"*",
       {{"forwarded", "for=6.6.6.6;proto=https"}, {"x-forwarded-for", "1.2.3.4"}},
       "? 1.2.3.4 0"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(read(one.trusted, kDefault, one.headers), one.expected)
        << one.trusted << " | " << one.headers[0].name << ": " << one.headers[0].value;
  }
}

TEST(Rfc7239, WhoAndHow) {
  struct Case {
    std::string_view trusted;
    std::vector<std::string_view> lines;
    std::string_view expected;
  };
  const Case cases[] = {
      // Section 4
      {"127.0.0.1", {R"(for="_gazonk")"}, "? -"},
      {"127.0.0.1", {R"(For="[2001:db8:cafe::17]:4711")"}, "? 2001:db8:cafe::17 4711"},
      {"127.0.0.1", {"for=192.0.2.60;proto=http;by=203.0.113.43"}, "http 192.0.2.60 0"},
      {"127.0.0.1", {"for=192.0.2.43, for=198.51.100.17"}, "? 198.51.100.17 0"},
      {"198.51.100.0/24", {"for=192.0.2.43, for=198.51.100.17"}, "? 192.0.2.43 0"},
      // Section 7.1: these are the same
      {"2001:db8:cafe::17", {R"(for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown)"}, "? -"},
      {"*", {R"(for=192.0.2.43, for="[2001:db8:cafe::17]", for=unknown)"}, "? 192.0.2.43 0"},
      {"*", {"for=192.0.2.43", R"(for="[2001:db8:cafe::17]", for=unknown)"}, "? 192.0.2.43 0"},
      // Section 7.4
      {"127.0.0.1",
       {"for=192.0.2.43;by=203.0.113.60;proto=https;host=example.com"},
       "https 192.0.2.43 0"},
      // The scheme is that of the hop nearest to the client that tells one
      {"10.0.0.0/8", {"for=1.1.1.1;proto=https, for=10.0.0.1;proto=http"}, "https 1.1.1.1 0"},
      {"10.0.0.0/8", {"for=1.1.1.1, for=10.0.0.1;proto=http"}, "http 1.1.1.1 0"},
      {"10.0.0.0/8", {"for=1.1.1.1;proto=https, for=2.2.2.2;proto=http"}, "http 2.2.2.2 0"},
      {"127.0.0.1", {"for=unknown;proto=https"}, "https -"},
      {"127.0.0.1", {"proto=https"}, "https -"},
      {"127.0.0.1", {"proto=gopher;for=1.1.1.1"}, "? 1.1.1.1 0"},
      // A forged front
      {"127.0.0.1", {R"(for="6.6.6.6, for=9.9.9.9)"}, "? 9.9.9.9 0"},
      {"127.0.0.1", {R"(for=6.6.6.6;", for=9.9.9.9)"}, "? 9.9.9.9 0"},
      {"127.0.0.1", {R"(for=6.6.6.6, for=")"}, "? -"},
      {"10.0.0.0/8", {"for=6.6.6.6, garbage, for=10.0.0.1"}, "? 10.0.0.1 0"},
      {"*", {"for=6.6.6.6, garbage, for=10.0.0.1"}, "? 6.6.6.6 0"},
      {"127.0.0.1", {""}, "? -"},
      {"127.0.0.1", {",", " "}, "? -"},
  };
  for (const Case& one : cases) {
    Fields headers = {{"x-forwarded-for", "6.6.6.6"}};  // the other family is not looked at
    for (const auto line : one.lines) headers.push_back({"Forwarded", line});
    EXPECT_EQ(read(one.trusted, kForwarded, headers), one.expected) << one.lines[0];
  }
}

TEST(XForwardedHost, TheNearestProxysWordReplacesHost) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"example.com", "example.com"},
      {"a.example, b.example:8080", "b.example:8080"},
      {"[2001:db8::1]:80", "[2001:db8::1]:80"},
      {"", ""},
      {"evil/path", ""},
      {"a b", ""},
      {"a:b:c", ""},
  };
  for (const auto& [value, expected] : cases) {
    const Fields headers = {{"x-forwarded-host", value}};
    EXPECT_EQ(read_forwarded(headers, rules("*", kXForwardedHost)).host, expected) << value;
    EXPECT_EQ(read_forwarded(headers, rules("*", kDefault)).host, "") << value;
  }
}

// A session's app sees the origin in the head, its observer in the record.
std::vector<std::string> serve(std::string_view bytes, const ForwardedRules* forwarded,
                               size_t piece = 0) {
  Http1SessionHarness app({}, forwarded);
  app.answer_complete_requests();
  app.input(bytes, piece);
  std::vector<std::string> seen;
  for (size_t i = 0; i < app.requests.size(); ++i) {
    std::string host;
    for (const auto& [name, value] : app.requests[i].headers) host += name == "Host" ? value : "";
    const auto& origin = app.requests[i].origin;
    EXPECT_EQ(origin ? shown(*origin) : "", app.records[i].origin);
    seen.push_back(host + "|" + (origin ? shown(*origin) : ""));
  }
  return seen;
}

TEST(ForwardedSession, EachRequestHasItsOwnOrigin) {
  constexpr std::string_view kBytes =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Host: b\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\nx-forwarded-proto: https\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n"
      "GET / HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\n\r\n";
  using Seen = std::vector<std::string>;
  const ForwardedRules believed = rules("*", kDefault | kXForwardedHost);
  for (size_t piece : {0, 1, 2, 3, 50}) {
    EXPECT_EQ(serve(kBytes, &believed, piece), (Seen{"b|? 1.1.1.1 0", "a|", "a|https -", "a|"}));
    EXPECT_EQ(serve(kBytes, nullptr, piece), (Seen{"a|", "a|", "a|", "a|"}));
  }
}

TEST(ForwardedSession, ARefusalAfterARequestIsNobodys) {
  const ForwardedRules believed = rules("*", kDefault);
  Http1SessionHarness app({}, &believed);
  app.answer_complete_requests();
  app.input("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n\r\nGET nonsense");
  app.input("\r\n\r\n");
  ASSERT_EQ(app.records.size(), 2u);
  EXPECT_EQ(app.records[0].origin, "? 1.1.1.1 0");
  EXPECT_EQ(app.records[1].status, 400);
  EXPECT_EQ(app.records[1].origin, "");
}

}  // namespace
}  // namespace tricorn
