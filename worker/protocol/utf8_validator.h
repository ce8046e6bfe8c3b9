// Utf8Validator: whether a text that comes in pieces is UTF-8 (RFC 3629), told at the first byte
// with which it cannot be any more.
#pragma once

#include <cstdint>
#include <string_view>

namespace tricorn {

class Utf8Validator {
 public:
  // False: the bytes so far begin no valid text; feed no more then, before reset().
  bool feed(std::string_view bytes);
  // No character is begun and not ended.
  bool complete() const { return needed_ == 0; }
  void reset() { needed_ = 0; }

 private:
  bool begin_character(uint8_t lead);

  uint8_t needed_ = 0;  // bytes that the character still wants
  uint8_t low_ = 0;     // the next of them is from low_ to high_
  uint8_t high_ = 0;
};

bool is_utf8(std::string_view text);

}  // namespace tricorn
