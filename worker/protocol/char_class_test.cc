// CharClass: what goes by words says the same as byte by byte, at every size and place.
#include "worker/protocol/char_class.h"

#include <gtest/gtest.h>

#include <string>

namespace tricorn {
namespace {

constexpr size_t kLongest = 35;  // several words, and every remainder

TEST(CharClass, AFieldValueIsRefusedForOneByteWhereverItIs) {
  for (size_t size = 1; size <= kLongest; ++size) {
    for (size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        for (const char filler : {'a', '\t', '\xff'}) {
          std::string text(size, filler);
          text[place] = static_cast<char>(byte);
          EXPECT_EQ(is_field_value(text), all_in_class(text, kValueChar)) << size << ' ' << byte;
        }
      }
    }
  }
  EXPECT_TRUE(is_field_value(""));
}

TEST(CharClass, OnlyTheCaseOfLettersIsIgnored) {
  const std::string lower = "content-length_0123456789-abcdefghz";
  ASSERT_EQ(lower.size(), kLongest);
  for (size_t size = 0; size <= kLongest; ++size) {
    const std::string wanted = lower.substr(0, size);
    EXPECT_TRUE(equals_ignoring_case(wanted, wanted));
    for (size_t place = 0; place < size; ++place) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text = wanted;
        text[place] = static_cast<char>(byte);
        const bool other_case = wanted[place] >= 'a' && byte == wanted[place] - 'a' + 'A';
        EXPECT_EQ(equals_ignoring_case(text, wanted), byte == wanted[place] || other_case)
            << size << ' ' << place << ' ' << byte;
      }
    }
  }
  EXPECT_FALSE(equals_ignoring_case("clos", "close"));
}

TEST(CharClass, ComparesNamesOfAnyCharacters) {
  EXPECT_TRUE(same_ignoring_case("X_Foo~^|", "x_fOO~^|"));
  EXPECT_FALSE(same_ignoring_case("x~", "x^"));
  EXPECT_FALSE(same_ignoring_case("x@", "x`"));
  EXPECT_FALSE(same_ignoring_case("x", "xx"));
}

TEST(CharClass, CountsTheBytesOfAClass) {
  EXPECT_EQ(length_in_class("example.org:80", kNameChar), 11u);
  EXPECT_EQ(length_in_class("", kNameChar), 0u);
  EXPECT_EQ(length_in_class("1234", kDigit), 4u);
}

}  // namespace
}  // namespace tricorn
