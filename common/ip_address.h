// IpAddress: an IPv4 or IPv6 address as a value. An IPv4 address is held v4-mapped (RFC 4291
// 2.5.5.2), so "10.0.0.1" and "::ffff:10.0.0.1" are the same one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tricorn {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // network order

  bool is_v4() const;
  bool operator==(const IpAddress&) const = default;
};

// What inet_pton takes: "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"; no brackets, zone or blanks.
std::optional<IpAddress> parse_ip_address(std::string_view text);
IpAddress ipv4_address(const uint8_t* four_bytes);
IpAddress ipv6_address(const uint8_t* sixteen_bytes);
std::string to_string(const IpAddress& address);  // RFC 5952; a v4-mapped one as IPv4

}  // namespace tricorn
