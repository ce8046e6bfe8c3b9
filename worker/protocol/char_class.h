// CharClass: which bytes a grammar rule of HTTP allows, one table lookup per byte.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace tricorn {

enum CharClass : uint8_t {
  kTokenChar = 1,  // RFC 9110 5.6.2
  kHostChar = 2,   // uri-host and port, RFC 3986 3.2.2
  kDigit = 4,
  kBase64Char = 8,
  kValueChar = 16,  // field content: HTAB, SP, visible, obs-text
};

namespace char_class_internal {
constexpr std::array<uint8_t, 256> make_table() {
  std::array<uint8_t, 256> table{};
  auto add = [&table](std::string_view chars, int classes) {
    for (const char c : chars)
      table[static_cast<unsigned char>(c)] |= static_cast<uint8_t>(classes);
  };
  constexpr std::string_view kAlpha = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  add(kAlpha, kTokenChar | kHostChar | kBase64Char);
  add("0123456789", kTokenChar | kHostChar | kBase64Char | kDigit);
  add("!#$%&'*+-.^_`|~", kTokenChar);
  add("-._~%!$&'()*+,;=:[]", kHostChar);
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

// `lower_case` consists of lower-case letters, digits and '-'.
inline bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != lower_case[i]) return false;
  }
  return true;
}

}  // namespace tricorn
