// CRC-32C (Castagnoli, RFC 3720 12.1), a byte at a time: for headers, not for data.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tricorn {

namespace crc32c_internal {
constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}
inline constexpr auto kTable = make_table();
}  // namespace crc32c_internal

// crc32c_end(crc32c(crc32c(kCrc32cStart, "one"), "two"))
inline constexpr uint32_t kCrc32cStart = ~uint32_t{0};

inline uint32_t crc32c(uint32_t crc, std::string_view bytes) {
  for (const char c : bytes) {
    crc = crc >> 8 ^ crc32c_internal::kTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  }
  return crc;
}

inline uint32_t crc32c_end(uint32_t crc) { return ~crc; }

}  // namespace tricorn
