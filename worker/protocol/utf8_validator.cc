// Utf8Validator: ASCII by blocks; all else by an automaton without branches, whose states are the
// byte ranges of RFC 3629 section 4.
#include "worker/protocol/utf8_validator.h"

#include <array>

#include "common/words.h"

namespace tricorn {
namespace {

// A state is held as the number of its field in a row; the row of a byte has, in each field, the
// state that follows the field's. So a step is one load and one shift, whatever the bytes are.
constexpr int kFieldBits = 6;
constexpr uint64_t kFieldMask = (uint64_t{1} << kFieldBits) - 1;

enum State : uint8_t { kBetween, kInvalid, kOneMore, kTwoMore, kThreeMore, kE0, kEd, kF0, kF4 };
constexpr int kStates = kF4 + 1;
static_assert(kStates * kFieldBits <= 64);

constexpr State after_lead(int byte) {
  if (byte < 0x80) return kBetween;
  if (byte < 0xC2 || byte > 0xF4) return kInvalid;
  if (byte < 0xE0) return kOneMore;
  if (byte == 0xE0) return kE0;
  if (byte == 0xED) return kEd;
  if (byte < 0xF0) return kTwoMore;
  if (byte == 0xF0) return kF0;
  return byte == 0xF4 ? kF4 : kThreeMore;
}

// The ranges behind E0, ED, F0 and F4 keep out overlong forms, surrogates and what is above
// U+10FFFF.
constexpr State after(State state, int byte) {
  const auto from_to = [byte](int low, int high, State next) {
    return byte >= low && byte <= high ? next : kInvalid;
  };
  switch (state) {
    case kBetween:
      return after_lead(byte);
    case kInvalid:
      return kInvalid;
    case kOneMore:
      return from_to(0x80, 0xBF, kBetween);
    case kTwoMore:
      return from_to(0x80, 0xBF, kOneMore);
    case kThreeMore:
      return from_to(0x80, 0xBF, kTwoMore);
    case kE0:
      return from_to(0xA0, 0xBF, kOneMore);
    case kEd:
      return from_to(0x80, 0x9F, kOneMore);
    case kF0:
      return from_to(0x90, 0xBF, kTwoMore);
    case kF4:
      return from_to(0x80, 0x8F, kTwoMore);
  }
  return kInvalid;
}

constexpr auto kRows = [] {
  std::array<uint64_t, 256> rows{};
  for (int byte = 0; byte < 256; ++byte) {
    for (int state = 0; state < kStates; ++state) {
      const uint64_t next = after(static_cast<State>(state), byte);
      rows[static_cast<size_t>(byte)] |= next * kFieldBits << state * kFieldBits;
    }
  }
  return rows;
}();

uint64_t step(uint64_t state, const char* at, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    state = kRows[static_cast<unsigned char>(at[i])] >> state & kFieldMask;
  }
  return state;
}

constexpr size_t kBlock = 32;

bool is_ascii_block(const char* at) {
  const uint64_t all = load_word(at) | load_word(at + 8) | load_word(at + 16) | load_word(at + 24);
  return (all & repeat_byte(0x80)) == 0;
}

}  // namespace

bool Utf8Validator::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  for (; static_cast<size_t>(end - at) >= kBlock; at += kBlock) {
    if (state_ != kBetween || !is_ascii_block(at)) state_ = step(state_, at, kBlock);
  }
  state_ = step(state_, at, static_cast<size_t>(end - at));
  return state_ != kInvalid * kFieldBits;
}

bool is_utf8(std::string_view text) {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

}  // namespace tricorn
