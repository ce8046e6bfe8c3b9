// The PROXY protocol: see the header. Section numbers are those of HAProxy's document.
#include "worker/protocol/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

#include "common/ip_address.h"
#include "worker/protocol/crc32c.h"

namespace tricorn {
namespace {

using State = ProxyHeaderResult::State;
using namespace std::string_view_literals;

constexpr std::string_view kV1Signature = "PROXY "sv;
constexpr std::string_view kV2Signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr size_t kV2FixedBytes = 16;

constexpr ProxyHeaderResult malformed(const char* fault) {
  return {.state = State::kMalformed, .fault = fault};
}

uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }
uint16_t short_at(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}
uint32_t long_at(std::string_view bytes, size_t at) {
  return uint32_t{short_at(bytes, at)} << 16 | short_at(bytes, at + 2);
}

// --- Version 1: a line of text

// Section 2.1: decimal, without leading zeros.
std::optional<int> parse_port(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool padded = text.size() > 1 && text.front() == '0';
  if (padded || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::string_view take_word(std::string_view& line) {
  const size_t blank = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, blank);
  line.remove_prefix(std::min(blank + 1, line.size()));
  return word;
}

bool parse_v1_end(std::string_view host, std::string_view port, bool v6, SocketAddress& end) {
  const auto address = parse_ip_address(host);
  const auto number = parse_port(port);
  if (!address || !number || v6 != (host.find(':') != host.npos)) return false;
  end = {.host = to_string(*address), .port = *number, .known = true};
  return true;
}

// "TCP4 192.0.2.1 192.0.2.2 56324 443"
bool parse_v1_line(std::string_view line, ProxyHeader& header) {
  const std::string_view protocol = take_word(line);
  header.unnamed = protocol == "UNKNOWN";
  if (header.unnamed) return true;
  if (protocol != "TCP4" && protocol != "TCP6") return false;
  const size_t words = 1 + static_cast<size_t>(std::ranges::count(line, ' '));
  const std::string_view from = take_word(line);
  const std::string_view to = take_word(line);
  const std::string_view from_port = take_word(line);
  const bool v6 = protocol == "TCP6";
  header.tells = words == 4 && parse_v1_end(from, from_port, v6, header.client) &&
                 parse_v1_end(to, line, v6, header.server);
  return header.tells;
}

ProxyHeaderResult parse_v1(std::string_view bytes, ProxyHeader& header) {
  const size_t end = bytes.substr(0, kMaxProxyV1Bytes).find('\n');
  if (end == bytes.npos) {
    if (bytes.size() >= kMaxProxyV1Bytes) return malformed("does not end");
    return {};
  }
  if (bytes[end - 1] != '\r') return malformed("is malformed");
  const std::string_view line = bytes.substr(kV1Signature.size(), end - 1 - kV1Signature.size());
  if (line.find('\r') != line.npos || !parse_v1_line(line, header)) {
    return malformed("is malformed");
  }
  return {.state = State::kComplete, .size = end + 1};
}

// --- Version 2: binary

enum Command : uint8_t { kLocal = 0, kProxy = 1 };
enum Family : uint8_t { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
enum TlvType : uint8_t { kCrc32c = 0x03, kSsl = 0x20 };
constexpr uint8_t kSslClient = 0x01;  // the client connected over TLS
constexpr std::array<size_t, 4> kAddressBytes = {0, 12, 36, 216};

SocketAddress inet_end(std::string_view bytes, size_t address_at, size_t port_at, bool v6) {
  const auto* raw = reinterpret_cast<const uint8_t*>(bytes.data()) + address_at;
  return {.host = to_string(v6 ? ipv6_address(raw) : ipv4_address(raw)),
          .port = short_at(bytes, port_at),
          .known = true};
}

// A path ends with its first NUL; an abstract name begins with one, and is shown with @.
SocketAddress unix_end(std::string_view path) {
  const bool abstract = path.front() == '\0';
  const std::string_view rest = path.substr(abstract ? 1 : 0);
  const std::string_view name = rest.substr(0, rest.find('\0'));
  if (name.empty()) return {};
  return {.host = (abstract ? "@" : "") + std::string(name), .known = true};
}

void read_addresses(std::string_view block, Family family, ProxyHeader& header) {
  header.tells = true;
  switch (family) {
    case kUnspecified:
      header.tells = false;
      header.unnamed = true;
      return;
    case kInet:
      header.client = inet_end(block, 0, 8, false);
      header.server = inet_end(block, 4, 10, false);
      return;
    case kInet6:
      header.client = inet_end(block, 0, 32, true);
      header.server = inet_end(block, 16, 34, true);
      return;
    case kUnix:  // as with a unix socket of our own, the scope names no client
      header.server = unix_end(block.substr(108, 108));
      return;
  }
}

// Section 2.2: "the checksum field is set to 0" while it is computed.
bool checksum_fits(std::string_view whole, size_t field) {
  uint32_t crc = crc32c(kCrc32cStart, whole.substr(0, field));
  crc = crc32c(crc, "\0\0\0\0"sv);
  crc = crc32c(crc, whole.substr(field + 4));
  return crc32c_end(crc) == long_at(whole, field);
}

// Returns what is wrong with the type-length-values from `at` to the end of the header.
const char* read_tlvs(std::string_view whole, size_t at, ProxyHeader& header) {
  bool summed = false;  // once: sums of sums would cost the square of the header's size
  while (at < whole.size()) {
    if (whole.size() - at < 3) return "has a TLV that is cut";
    const uint8_t type = byte_at(whole, at);
    const size_t length = short_at(whole, at + 1);
    at += 3;
    if (length > whole.size() - at) return "has a TLV that is too long";
    const bool is_sum = type == kCrc32c;
    if (is_sum && (std::exchange(summed, true) || length != 4 || !checksum_fits(whole, at))) {
      return "has a wrong checksum";
    }
    if (type == kSsl && length >= 5) header.tls = (byte_at(whole, at) & kSslClient) != 0;
    at += length;
  }
  return nullptr;
}

ProxyHeaderResult parse_v2(std::string_view bytes, ProxyHeader& header) {
  if (bytes.size() < kV2FixedBytes) return {};
  const uint8_t command = byte_at(bytes, 12) & 0x0F;
  const uint8_t family = byte_at(bytes, 13) >> 4;
  const uint8_t transport = byte_at(bytes, 13) & 0x0F;
  const size_t length = short_at(bytes, 14);
  if (byte_at(bytes, 12) >> 4 != 2 || command > kProxy) return malformed("has a wrong version");
  if (family > kUnix || transport > 2) return malformed("has a wrong address family");
  const size_t address_bytes = kAddressBytes[family];
  if (command == kProxy && length < address_bytes) return malformed("is too short");
  const size_t size = kV2FixedBytes + length;
  if (bytes.size() < size) return {};
  if (command == kProxy) {  // of LOCAL nothing else counts
    const std::string_view whole = bytes.substr(0, size);
    const Family named = transport == 0 ? kUnspecified : static_cast<Family>(family);
    read_addresses(whole.substr(kV2FixedBytes), named, header);
    const char* fault = read_tlvs(whole, kV2FixedBytes + address_bytes, header);
    if (fault != nullptr) return malformed(fault);
  }
  return {.state = State::kComplete, .size = size};
}

ProxySignature begins_with(std::string_view bytes, std::string_view signature) {
  if (bytes.starts_with(signature)) return ProxySignature::kYes;
  return signature.starts_with(bytes) ? ProxySignature::kPerhaps : ProxySignature::kNo;
}

}  // namespace

ProxyHeaderResult parse_proxy_header(std::string_view bytes, ProxyProtocol accepted,
                                     ProxyHeader& header) {
  header = {};
  const auto v1 = begins_with(bytes, kV1Signature);
  const auto v2 = begins_with(bytes, kV2Signature);
  const bool takes_v1 = accepted != ProxyProtocol::kV2;
  const bool takes_v2 = accepted != ProxyProtocol::kV1;
  if (takes_v1 && v1 == ProxySignature::kYes) return parse_v1(bytes, header);
  if (takes_v2 && v2 == ProxySignature::kYes) return parse_v2(bytes, header);
  switch (std::max(v1, v2)) {
    case ProxySignature::kPerhaps:  // of either version: the verdict does not depend on the cut
      return {};
    case ProxySignature::kYes:
      return malformed("is of the other version");
    case ProxySignature::kNo:
      return malformed("is missing");
  }
  std::abort();
}

ProxySignature has_proxy_signature(std::string_view bytes) {
  return std::max(begins_with(bytes, kV1Signature), begins_with(bytes, kV2Signature));
}

}  // namespace tricorn
