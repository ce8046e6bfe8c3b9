// IpAddress: text and bytes, by the C library's pure functions.
#include "common/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace tricorn {
namespace {

constexpr std::array<uint8_t, 12> kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

bool IpAddress::is_v4() const {
  return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes.begin());
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];  // inet_pton wants an end
  if (text.size() >= sizeof copy || text.find('\0') != text.npos) return std::nullopt;
  copy[text.copy(copy, text.size())] = '\0';
  std::array<uint8_t, 16> bytes;
  if (text.find(':') == text.npos) {
    if (inet_pton(AF_INET, copy, bytes.data()) != 1) return std::nullopt;
    return ipv4_address(bytes.data());
  }
  if (inet_pton(AF_INET6, copy, bytes.data()) != 1) return std::nullopt;
  return IpAddress{bytes};
}

IpAddress ipv4_address(const uint8_t* four_bytes) {
  IpAddress address;
  std::copy_n(four_bytes, 4, std::copy(kV4Prefix.begin(), kV4Prefix.end(), address.bytes.begin()));
  return address;
}

IpAddress ipv6_address(const uint8_t* sixteen_bytes) {
  IpAddress address;
  std::copy_n(sixteen_bytes, 16, address.bytes.begin());
  return address;
}

std::string to_string(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = address.is_v4();
  const uint8_t* bytes = address.bytes.data() + (v4 ? kV4Prefix.size() : 0);
  return inet_ntop(v4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
}

}  // namespace tricorn
