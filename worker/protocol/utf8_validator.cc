// Utf8Validator: ASCII by blocks, all else by the byte ranges of RFC 3629 section 4.
#include "worker/protocol/utf8_validator.h"

#include "common/words.h"

namespace tricorn {
namespace {

constexpr uint64_t kHighBits = repeat_byte(0x80);
constexpr size_t kBlock = 32;

const char* skip_ascii(const char* at, const char* end) {
  while (static_cast<size_t>(end - at) >= kBlock) {
    const uint64_t all =
        load_word(at) | load_word(at + 8) | load_word(at + 16) | load_word(at + 24);
    if ((all & kHighBits) != 0) break;
    at += kBlock;
  }
  while (end - at >= 8 && (load_word(at) & kHighBits) == 0) at += 8;
  while (at < end && static_cast<unsigned char>(*at) < 0x80) ++at;
  return at;
}

}  // namespace

// The ranges keep out overlong forms, surrogates and what is above U+10FFFF.
bool Utf8Validator::begin_character(uint8_t lead) {
  low_ = 0x80;
  high_ = 0xBF;
  if (lead < 0xC2 || lead > 0xF4) return false;
  if (lead < 0xE0) {
    needed_ = 1;
  } else if (lead < 0xF0) {
    needed_ = 2;
    if (lead == 0xE0) low_ = 0xA0;
    if (lead == 0xED) high_ = 0x9F;
  } else {
    needed_ = 3;
    if (lead == 0xF0) low_ = 0x90;
    if (lead == 0xF4) high_ = 0x8F;
  }
  return true;
}

bool Utf8Validator::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at < end) {
    if (needed_ == 0) {
      at = skip_ascii(at, end);
      if (at == end) return true;
      if (!begin_character(static_cast<uint8_t>(*at++))) return false;
    }
    for (; needed_ > 0 && at < end; --needed_) {
      const auto byte = static_cast<uint8_t>(*at++);
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xBF;
    }
  }
  return true;
}

bool is_utf8(std::string_view text) {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

}  // namespace tricorn
