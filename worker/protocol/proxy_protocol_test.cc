// The PROXY protocol: tables of headers, each whole, cut at every byte and with more behind it.
#include "worker/protocol/proxy_protocol.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "worker/protocol/crc32c.h"
#include "worker/protocol/proxy_protocol_harness.h"

namespace tricorn {
namespace {

using namespace std::string_literals;
using State = ProxyHeaderResult::State;

std::string shown(const ProxyHeader& header) {
  auto end = [](const SocketAddress& address) -> std::string {
    if (!address.known) return "-";
    return address.port < 0 ? address.host : fmt::format("{} {}", address.host, address.port);
  };
  return fmt::format("{}{} > {}{}", header.tells ? "" : "(own) ", end(header.client),
                     end(header.server), header.tls ? " tls" : "");
}

std::string shown(const ProxyHeaderResult& result, const ProxyHeader& header) {
  switch (result.state) {
    case State::kIncomplete:
      return "incomplete";
    case State::kMalformed:
      return result.fault;
    case State::kComplete:
      return fmt::format("{} bytes: {}", result.size, shown(header));
  }
  std::abort();
}

std::string parse(std::string_view bytes, ProxyProtocol accepted = ProxyProtocol::kAuto) {
  ProxyHeader header;
  const ProxyHeaderResult result = parse_proxy_header(bytes, accepted, header);
  return shown(result, header);
}

// Every front is incomplete or has the verdict of the whole; what follows changes nothing.
void expect_at_any_cut(const std::string& bytes, const std::string& expected) {
  EXPECT_EQ(parse(bytes), expected) << testing::PrintToString(bytes);
  std::string verdict = "incomplete";
  for (size_t size = 1; size <= bytes.size(); ++size) {
    const std::string now = parse(std::string_view(bytes).substr(0, size));
    if (verdict != "incomplete") {
      EXPECT_EQ(now, verdict) << size;
    }
    verdict = now;
  }
  if (expected == "incomplete") return;
  EXPECT_EQ(parse(bytes + "GET / HTTP/1.1\r\n\r\n"), expected) << testing::PrintToString(bytes);
}

TEST(ProxyProtocolV1, Lines) {
  constexpr const char* kBad = "is malformed";
  const std::pair<std::string, std::string> cases[] = {
      {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", "42 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
       "56 bytes: 255.255.255.255 65535 > 255.255.255.255 65535"},
      {"PROXY TCP6 2001:db8::1 ::1 0 1\r\n", "32 bytes: 2001:db8::1 0 > ::1 1"},
      {"PROXY TCP6 ::ffff:192.0.2.1 ::1 5 1\r\n", "37 bytes: 192.0.2.1 5 > ::1 1"},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "65535 65535\r\n",
       "104 bytes: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 > "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
      {"PROXY UNKNOWN\r\n", "15 bytes: (own) - > -"},
      {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       "107 bytes: (own) - > -"},
      {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655351\r\n",
       "does not end"},
      {"PROXY TCP4 192.0.2.1", "incomplete"},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\r\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 \r\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 1\r\n", kBad},
      {"PROXY TCP4  192.0.2.1 192.0.2.2 56324 443\r\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 56324 65536\r\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 056324 443\r\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 -1 443\r\n", kBad},
      {"PROXY TCP4 192.0.2.1 192.0.2.2 +1 443\r\n", kBad},
      {"PROXY TCP4 ::1 ::1 1 1\r\n", kBad},
      {"PROXY TCP6 192.0.2.1 192.0.2.2 1 1\r\n", kBad},
      {"PROXY TCP4 192.0.2.256 192.0.2.2 1 1\r\n", kBad},
      {"PROXY tcp4 192.0.2.1 192.0.2.2 1 1\r\n", kBad},
      {"PROXY UDP4 192.0.2.1 192.0.2.2 1 1\r\n", kBad},
      {"PROXY UNKNOWNS\r\n", kBad},
      {"PROXY \r\n", kBad},
      {"PROXY \n", kBad},
      {"PROXY\r\n", "is missing"},
      {"proxy TCP4 192.0.2.1 192.0.2.2 1 1\r\n", "is missing"},
      {"GET / HTTP/1.1\r\n", "is missing"},
      {"PUT / HTTP/1.1\r\n", "is missing"},
      {"\x16\x03\x01", "is missing"},
  };
  for (const auto& [bytes, expected] : cases) expect_at_any_cut(bytes, expected);
}

TEST(ProxyProtocolV2, Headers) {
  const std::string inet = v2_inet("\xc0\x00\x02\x01"s, "\xc0\x00\x02\x02"s, 56324, 443);
  const std::string inet6 =
      "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\1" + std::string(15, '\0') + "\1\0\5\0\6"s;
  auto unix_path = [](std::string path) { return path + std::string(108 - path.size(), '\0'); };
  const std::string crc_of_zeros = "\x03\0\4\0\0\0\0"s;
  const std::pair<std::string, std::string> cases[] = {
      {v2(0x21, 0x11, inet), "28 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {v2(0x21, 0x12, inet), "28 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {v2(0x21, 0x21, inet6), "52 bytes: 2001:db8::1 5 > ::1 6"},
      {v2(0x21, 0x31, unix_path("/run/client") + unix_path("/run/app.sock")),
       "232 bytes: - > /run/app.sock"},
      {v2(0x21, 0x31, unix_path("") + unix_path("\0name"s)), "232 bytes: - > @name"},
      {v2(0x21, 0x31, std::string(216, 'x')), "232 bytes: - > " + std::string(108, 'x')},
      {v2(0x21, 0x31, std::string(216, '\0')), "232 bytes: - > -"},
      // The connection's own addresses stand
      {v2(0x20, 0x00, ""), "16 bytes: (own) - > -"},
      {v2(0x20, 0x11, inet), "28 bytes: (own) - > -"},
      {v2(0x20, 0x11, "what"), "20 bytes: (own) - > -"},
      {v2(0x21, 0x00, ""), "16 bytes: (own) - > -"},
      {v2(0x21, 0x10, inet), "28 bytes: (own) - > -"},
      {v2(0x21, 0x01, ""), "16 bytes: (own) - > -"},
      // What follows the addresses
      {v2(0x21, 0x11, inet + tlv(0x04, "noop") + tlv(0xEA, "")),
       "38 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {v2(0x21, 0x11, inet + tlv(0x20, "\1\0\0\0\0"s)),
       "36 bytes: 192.0.2.1 56324 > 192.0.2.2 443 tls"},
      {v2(0x21, 0x11, inet + tlv(0x20, "\0\0\0\0\0"s)),
       "36 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {v2(0x21, 0x11, inet + tlv(0x20, "\1"s)), "32 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {v2(0x21, 0x11, inet + tlv(0x04, std::string(65520, 'x'))),
       "65551 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {with_checksum(v2(0x21, 0x11, inet + crc_of_zeros + tlv(0x04, "more"))),
       "42 bytes: 192.0.2.1 56324 > 192.0.2.2 443"},
      {v2(0x21, 0x11, inet + crc_of_zeros), "has a wrong checksum"},
      {v2(0x21, 0x11, inet + tlv(0x03, "12")), "has a wrong checksum"},
      // Two that are right, each with the other one in its sum
      {v2(0x21, 0x00, "\x03\0\4\x17\xe0\x91\x00\x03\0\4\x05\x0f\x27\xf4"s), "has a wrong checksum"},
      {v2(0x21, 0x11, inet + "\x04"), "has a TLV that is cut"},
      {v2(0x21, 0x11, inet + "\x04\0"s), "has a TLV that is cut"},
      {v2(0x21, 0x11, inet + "\x04\0\1"s), "has a TLV that is too long"},
      {v2(0x21, 0x00, "\x04\xff\xff"), "has a TLV that is too long"},
      // Not the protocol
      {v2(0x21, 0x11, inet).substr(0, 27), "incomplete"},
      {v2(0x11, 0x11, inet), "has a wrong version"},
      {v2(0x22, 0x11, inet), "has a wrong version"},
      {v2(0x21, 0x41, inet), "has a wrong address family"},
      {v2(0x21, 0x13, inet), "has a wrong address family"},
      {v2(0x21, 0x11, inet.substr(1)), "is too short"},
      {v2(0x21, 0x21, inet), "is too short"},
      {v2(0x21, 0x31, inet6), "is too short"},
      {"\r\n\r\n\0\r\nQUIX\n"s, "is missing"},
      {"\r\n\r\nGET / HTTP/1.1\r\n", "is missing"},
  };
  for (const auto& [bytes, expected] : cases) {
    if (bytes.size() < 1000) {
      expect_at_any_cut(bytes, expected);
    } else {
      EXPECT_EQ(parse(bytes), expected);
      EXPECT_EQ(parse(bytes.substr(0, bytes.size() - 1)), "incomplete");
    }
  }
}

TEST(ProxyProtocol, OnlyTheAcceptedVersionCounts) {
  const std::string first = "PROXY UNKNOWN\r\n";
  const std::string second = v2(0x20, 0x00, "");
  EXPECT_EQ(parse(first, ProxyProtocol::kV2), "is of the other version");
  EXPECT_EQ(parse(second, ProxyProtocol::kV1), "is of the other version");
  EXPECT_EQ(parse(first, ProxyProtocol::kV1), "15 bytes: (own) - > -");
  EXPECT_EQ(parse(second, ProxyProtocol::kV2), "16 bytes: (own) - > -");
  EXPECT_EQ(parse("PROXY", ProxyProtocol::kV2), "incomplete");  // which fault is not known yet
  EXPECT_EQ(parse("PROXX", ProxyProtocol::kV2), "is missing");
  EXPECT_EQ(parse("\r", ProxyProtocol::kV1), "incomplete");
}

TEST(ProxyProtocol, Signatures) {
  const std::pair<std::string, ProxySignature> cases[] = {
      {"", ProxySignature::kPerhaps},
      {"P", ProxySignature::kPerhaps},
      {"PROXY", ProxySignature::kPerhaps},
      {"PROXY ", ProxySignature::kYes},
      {"PROXY x", ProxySignature::kYes},
      {"PROPFIND", ProxySignature::kNo},
      {"\r\n\r\n", ProxySignature::kPerhaps},
      {"\r\n\r\n\0"s, ProxySignature::kPerhaps},
      {"\r\n\r\n\r", ProxySignature::kNo},
      {"\r\nGET", ProxySignature::kNo},
      {v2(0, 0, "").substr(0, 12), ProxySignature::kYes},
  };
  for (const auto& [bytes, expected] : cases) {
    EXPECT_EQ(has_proxy_signature(bytes), expected) << testing::PrintToString(bytes);
  }
}

TEST(Crc32c, Rfc3720Examples) {
  auto whole = [](std::string_view bytes) { return crc32c_end(crc32c(kCrc32cStart, bytes)); };
  EXPECT_EQ(whole(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(whole(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(whole("123456789"), 0xE3069283u);
}

}  // namespace
}  // namespace tricorn
