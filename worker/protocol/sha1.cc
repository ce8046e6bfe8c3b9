// SHA-1: blocks of 64 bytes, the last one or two padded with the length.
#include "worker/protocol/sha1.h"

#include <bit>

namespace tricorn {
namespace {

constexpr size_t kBlock = 64;
constexpr size_t kLengthBytes = 8;

using State = std::array<uint32_t, 5>;

uint32_t big_endian(const char* at) {
  uint32_t word = 0;
  for (int i = 0; i < 4; ++i) word = word << 8 | static_cast<unsigned char>(at[i]);
  return word;
}

uint32_t mixed(int round, uint32_t b, uint32_t c, uint32_t d) {
  switch (round / 20) {
    case 0:
      return ((b & c) | (~b & d)) + 0x5A827999;
    case 1:
      return (b ^ c ^ d) + 0x6ED9EBA1;
    case 2:
      return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
    default:
      return (b ^ c ^ d) + 0xCA62C1D6;
  }
}

void add_block(State& state, const char* block) {
  std::array<uint32_t, 80> words;
  for (size_t i = 0; i < 16; ++i) words[i] = big_endian(block + 4 * i);
  for (size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  auto [a, b, c, d, e] = state;
  for (int round = 0; round < 80; ++round) {
    const uint32_t next =
        std::rotl(a, 5) + mixed(round, b, c, d) + e + words[static_cast<size_t>(round)];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const State rounds{a, b, c, d, e};
  for (size_t i = 0; i < state.size(); ++i) state[i] += rounds[i];
}

}  // namespace

std::array<uint8_t, 20> sha1(std::string_view bytes) {
  State state{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  size_t at = 0;
  for (; at + kBlock <= bytes.size(); at += kBlock) add_block(state, bytes.data() + at);
  std::array<char, 2 * kBlock> last{};
  const size_t rest = bytes.substr(at).copy(last.data(), kBlock);
  last[rest] = static_cast<char>(0x80);
  const size_t padded = rest + 1 + kLengthBytes <= kBlock ? kBlock : 2 * kBlock;
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  for (size_t i = 0; i < kLengthBytes; ++i) last[padded - 1 - i] = static_cast<char>(bits >> 8 * i);
  for (at = 0; at < padded; at += kBlock) add_block(state, last.data() + at);
  std::array<uint8_t, 20> digest;
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

}  // namespace tricorn
