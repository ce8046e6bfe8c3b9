// Utf8Validator: every code point, every pair of first bytes, every cut.
#include "worker/protocol/utf8_validator.h"

#include <gtest/gtest.h>

#include <string>

namespace tricorn {
namespace {

std::string encoded(uint32_t point) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (point >> shift & 63)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | point >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8Validator, TakesEveryCodePointAndNoSurrogate) {
  for (uint32_t point = 0; point <= 0x10FFFF; ++point) {
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    ASSERT_EQ(is_utf8(encoded(point)), !surrogate) << std::hex << point;
  }
}

// Two bytes decide nearly all: a lead and the range of what follows (RFC 3629 4).
TEST(Utf8Validator, FailsAtTheFirstImpossibleByte) {
  for (int lead = 0x80; lead < 0x100; ++lead) {
    const std::string first{static_cast<char>(lead)};
    Utf8Validator alone;
    ASSERT_EQ(alone.feed(first), lead >= 0xC2 && lead <= 0xF4) << std::hex << lead;
    for (int next = 0; lead >= 0xC2 && lead <= 0xF4 && next < 0x100; ++next) {
      int low = 0x80;
      int high = 0xBF;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
      Utf8Validator both;
      EXPECT_EQ(both.feed(first + static_cast<char>(next)), next >= low && next <= high)
          << std::hex << lead << ' ' << next;
    }
  }
}

TEST(Utf8Validator, DoesNotDependOnTheCut) {
  const std::string good = std::string(40, 'a') + "κόσμε 日本 😀" + std::string(33, 'b') + "é";
  for (size_t damaged = 0; damaged <= good.size(); ++damaged) {
    std::string text = good;
    if (damaged < good.size()) text[damaged] = '\xff';
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      Utf8Validator validator;
      const bool valid = validator.feed(text.substr(0, cut)) && validator.feed(text.substr(cut)) &&
                         validator.complete();
      ASSERT_EQ(valid, damaged == good.size()) << damaged << ' ' << cut;
    }
  }
}

TEST(Utf8Validator, IsIncompleteInsideACharacter) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.feed("a\xf0\x9f\x98"));
  EXPECT_FALSE(validator.complete());
  validator.reset();
  EXPECT_TRUE(validator.complete());
  EXPECT_TRUE(validator.feed("a"));
}

}  // namespace
}  // namespace tricorn
