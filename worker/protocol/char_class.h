// CharClass: which bytes a grammar rule of HTTP allows, one table lookup per byte.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "common/words.h"

namespace tricorn {

enum CharClass : uint8_t {
  kTokenChar = 1,  // RFC 9110 5.6.2
  kNameChar = 2,   // reg-name and IPv4address with %-escapes, RFC 3986 3.2.2
  kDigit = 4,
  kBase64Char = 8,
  kValueChar = 16,    // field content: HTAB, SP, visible, obs-text
  kLiteralChar = 32,  // between the brackets of an IP-literal, RFC 3986 3.2.2
};

namespace char_class_internal {
constexpr std::array<uint8_t, 256> make_table() {
  std::array<uint8_t, 256> table{};
  auto add = [&table](std::string_view chars, int classes) {
    for (const char c : chars)
      table[static_cast<unsigned char>(c)] |= static_cast<uint8_t>(classes);
  };
  constexpr std::string_view kAlpha = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  add(kAlpha, kTokenChar | kNameChar | kLiteralChar | kBase64Char);
  add("0123456789", kTokenChar | kNameChar | kLiteralChar | kBase64Char | kDigit);
  add("!#$%&'*+-.^_`|~", kTokenChar);
  add("-._~%!$&'()*+,;=", kNameChar | kLiteralChar);
  add(":", kLiteralChar);
  add("+/", kBase64Char);
  for (int c = 0; c < 256; ++c) {
    if (c == '\t' || (c >= ' ' && c != 0x7f)) table[c] |= kValueChar;
  }
  return table;
}
inline constexpr auto kTable = make_table();
}  // namespace char_class_internal

inline bool all_in_class(std::string_view text, CharClass char_class) {
  uint8_t common = char_class;
  for (const char c : text) common &= char_class_internal::kTable[static_cast<unsigned char>(c)];
  return common != 0;
}

// How many bytes `text` begins with that are all in the class.
inline size_t length_in_class(std::string_view text, CharClass char_class) {
  size_t length = 0;
  while (length < text.size() &&
         (char_class_internal::kTable[static_cast<unsigned char>(text[length])] & char_class) !=
             0) {
    ++length;
  }
  return length;
}

// Any two texts, byte by byte.
inline bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// all_in_class(text, kValueChar), by words: only texts with a tab are looked at by bytes.
inline bool is_field_value(std::string_view text) {
  if (text.size() < 8) return all_in_class(text, kValueChar);
  const bool plain = for_each_word(text, [](uint64_t word) {
    constexpr uint64_t kHighBits = repeat_byte(0x80);
    const uint64_t del = word ^ repeat_byte(0x7f);
    const uint64_t control = (word - repeat_byte(' ')) & ~word;
    return ((control | ((del - repeat_byte(1)) & ~del)) & kHighBits) == 0;
  });
  return plain || all_in_class(text, kValueChar);
}

// `lower_case` consists of lower-case letters, digits, '-' and '_', of which only letters have both
// bits 0x60: they alone are compared without the one that makes the case.
inline bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  const auto same = [](uint64_t word, uint64_t lower) {
    return (word | ((lower & repeat_byte(0x40)) >> 1 & lower)) == lower;
  };
  const size_t size = text.size();
  if (size < 8) return same(load_short(text.data(), size), load_short(lower_case.data(), size));
  for (size_t i = 0; i + 8 < size; i += 8) {
    if (!same(load_word(text.data() + i), load_word(lower_case.data() + i))) return false;
  }
  return same(load_word(text.data() + size - 8), load_word(lower_case.data() + size - 8));
}

}  // namespace tricorn
