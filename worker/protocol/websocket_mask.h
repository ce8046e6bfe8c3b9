// WebSocketMask: takes a client's mask off its bytes (RFC 6455 5.3), eight at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/words.h"

namespace tricorn {

using MaskKey = std::array<char, 4>;

// Unmasks `size` bytes from `in` to `out` (the same place, or another one), of which the first is
// number `offset` of its frame. Returns whether all that came out is ASCII.
inline bool unmask(char* out, const char* in, size_t size, const MaskKey& key, size_t offset) {
  char twice[8];
  for (size_t i = 0; i < sizeof twice; ++i) twice[i] = key[(offset + i) % key.size()];
  const uint64_t mask = load_word(twice);
  uint64_t all = 0;
  size_t at = 0;
  for (; at + 32 <= size; at += 32) {
    std::array<uint64_t, 4>
        words;  // all are read before one is written: the compiler may pair them
    std::memcpy(words.data(), in + at, sizeof words);
    for (uint64_t& word : words) word ^= mask;
    std::memcpy(out + at, words.data(), sizeof words);
    all |= (words[0] | words[1]) | (words[2] | words[3]);
  }
  for (; at + 8 <= size; at += 8) {
    const uint64_t word = load_word(in + at) ^ mask;
    std::memcpy(out + at, &word, sizeof word);
    all |= word;
  }
  for (; at < size; ++at) {
    out[at] = static_cast<char>(in[at] ^ twice[at % sizeof twice]);
    all |= static_cast<unsigned char>(out[at]);
  }
  return (all & repeat_byte(0x80)) == 0;
}

// Whether all that unmask() would write is ASCII.
inline bool unmasks_to_ascii(const char* in, size_t size, const MaskKey& key) {
  char twice[8];
  for (size_t i = 0; i < sizeof twice; ++i) twice[i] = key[i % key.size()];
  const uint64_t mask = load_word(twice);
  uint64_t all = 0;
  size_t at = 0;
  for (; at + 32 <= size; at += 32) {
    std::array<uint64_t, 4> words;
    std::memcpy(words.data(), in + at, sizeof words);
    all |= ((words[0] ^ mask) | (words[1] ^ mask)) | ((words[2] ^ mask) | (words[3] ^ mask));
  }
  for (; at < size; ++at) all |= static_cast<unsigned char>(in[at] ^ twice[at % sizeof twice]);
  return (all & repeat_byte(0x80)) == 0;
}

}  // namespace tricorn
