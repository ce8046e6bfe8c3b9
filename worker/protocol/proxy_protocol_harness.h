// For tests: makes version 2 headers of the PROXY protocol.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/protocol/crc32c.h"

namespace tricorn {

inline std::string big_endian(uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xFF)};
}

inline std::string v2(uint8_t version_command, uint8_t family, std::string_view block) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(version_command);
  header += static_cast<char>(family);
  header += big_endian(static_cast<uint16_t>(block.size()));
  return header.append(block);
}

inline std::string v2_inet(std::string_view from, std::string_view to, uint16_t from_port,
                           uint16_t to_port) {
  return std::string(from).append(to) + big_endian(from_port) + big_endian(to_port);
}

inline std::string tlv(uint8_t type, std::string_view value) {
  return static_cast<char>(type) + big_endian(static_cast<uint16_t>(value.size())) +
         std::string(value);
}

// Fills in the first checksum TLV, which must be zero.
inline std::string with_checksum(std::string header) {
  const size_t field = header.find(std::string("\x03\0\4", 3)) + 3;
  const uint32_t crc = crc32c_end(crc32c(kCrc32cStart, header));
  for (int i = 0; i < 4; ++i) header[field + i] = static_cast<char>(crc >> (24 - 8 * i));
  return header;
}

}  // namespace tricorn
