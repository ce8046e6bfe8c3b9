// Words: bytes taken eight at a time, for loops over short texts where every request pays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tricorn {

constexpr uint64_t repeat_byte(uint8_t byte) { return uint64_t{0x0101010101010101} * byte; }

inline uint64_t load_word(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

inline uint64_t load_half(const char* at) {
  uint32_t half;
  std::memcpy(&half, at, sizeof half);
  return half;
}

// Up to seven bytes as one word, each at a place that depends on the size alone: texts of one size
// are equal if these are. (A memcpy of a size that the compiler does not know costs a call.)
inline uint64_t load_short(const char* at, size_t size) {
  if (size >= 4) return load_half(at) | load_half(at + size - 4) << 32;
  if (size == 0) return 0;
  const auto byte = [at](size_t i) { return uint64_t{static_cast<unsigned char>(at[i])}; };
  return byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
}

// The words of a text, in order; the last two overlap unless its size is a multiple of eight.
// `visit` returns false to stop, which is then the result.
template <class Visit>
bool for_each_word(std::string_view text, Visit&& visit) {
  if (text.size() < 8) return visit(load_short(text.data(), text.size()));
  const char* const last = text.data() + text.size() - 8;
  for (const char* at = text.data(); at < last; at += 8) {
    if (!visit(load_word(at))) return false;
  }
  return visit(load_word(last));
}

}  // namespace tricorn
