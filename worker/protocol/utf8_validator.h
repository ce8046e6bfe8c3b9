// Utf8Validator: whether a text that comes in pieces is UTF-8 (RFC 3629), told with the piece in
// which it cannot be any more.
#pragma once

#include <cstdint>
#include <string_view>

namespace tricorn {

class Utf8Validator {
 public:
  // False: the bytes so far begin no valid text; nor do they with whatever follows, until reset().
  bool feed(std::string_view bytes);
  // No character is begun and not ended, and all was valid.
  bool complete() const { return state_ == 0; }
  void reset() { state_ = 0; }

 private:
  uint64_t state_ = 0;  // of the automaton in utf8_validator.cc; 0: between characters
};

bool is_utf8(std::string_view text);

}  // namespace tricorn
