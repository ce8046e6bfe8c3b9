// The small parts of WebSocket: masks, headers of frames, SHA-1 and the handshake's answer.
#include <gtest/gtest.h>

#include <string>

#include "worker/protocol/received_message.h"
#include "worker/protocol/sha1.h"
#include "worker/protocol/websocket_close.h"
#include "worker/protocol/websocket_frame.h"
#include "worker/protocol/websocket_handshake.h"

namespace tricorn {
namespace {

TEST(WebSocketMask, IsTheSameByWordsAndByBytes) {
  const MaskKey key{'\x01', '\x82', '\x43', '\x04'};
  std::string plain;
  for (int i = 0; i < 100; ++i) plain += static_cast<char>('0' + i % 64);
  for (size_t size = 0; size <= plain.size(); ++size) {
    for (size_t offset = 0; offset < 9; ++offset) {
      std::string masked = plain.substr(0, size);
      for (size_t i = 0; i < size; ++i) masked[i] ^= key[(offset + i) % 4];
      std::string out(size, '\0');
      EXPECT_TRUE(unmask(out.data(), masked.data(), size, key, offset));
      ASSERT_EQ(out, plain.substr(0, size)) << size << ' ' << offset;
      EXPECT_TRUE(unmask(masked.data(), masked.data(), size, key, offset));
      ASSERT_EQ(masked, out);
    }
  }
}

TEST(WebSocketMask, SaysWhetherAllIsAscii) {
  const MaskKey key{'\x01', '\x82', '\x43', '\x04'};
  for (size_t size = 1; size < 70; ++size) {
    for (size_t at = 0; at < size; ++at) {
      std::string bytes(size, 'a');
      bytes[at] = '\x80';
      for (size_t i = 0; i < size; ++i) bytes[i] ^= key[i % 4];
      EXPECT_FALSE(unmasks_to_ascii(bytes.data(), size, key)) << size << ' ' << at;
      EXPECT_FALSE(unmask(bytes.data(), bytes.data(), size, key, 0)) << size << ' ' << at;
    }
    std::string ascii(size, '\x7f');
    for (size_t i = 0; i < size; ++i) ascii[i] ^= key[i % 4];
    EXPECT_TRUE(unmasks_to_ascii(ascii.data(), size, key)) << size;
  }
}

TEST(ReceivedMessage, TakesItsMaskOffOnTheWay) {
  const MaskKey key{'\x01', '\x82', '\x43', '\x04'};
  for (const size_t size : {0, 1, 7, 8, 33, 1000}) {
    const std::string plain(size, 'p');
    std::string masked = plain;
    for (size_t i = 0; i < size; ++i) masked[i] ^= key[i % 4];
    EXPECT_EQ(ReceivedMessage(masked, key, MessageKind::kAscii).copy(), plain);
    EXPECT_EQ(ReceivedMessage(plain, MessageKind::kBinary).copy(), plain);
  }
}

TEST(WebSocketFrame, WritesTheShortestLength) {
  struct Case {
    uint64_t length;
    std::string header;
  };
  const Case cases[] = {
      {0, std::string("\x81\x00", 2)},
      {125, "\x81\x7d"},
      {126, std::string("\x81\x7e\x00\x7e", 4)},
      {65535, "\x81\x7e\xff\xff"},
      {65536, std::string("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10)},
      {uint64_t{1} << 40, std::string("\x81\x7f\x00\x00\x01\x00\x00\x00\x00\x00", 10)},
  };
  for (const auto& [length, header] : cases) {
    char out[kMaxFrameHeader];
    char* const end = write_frame_header(out, Opcode::kText, false, length);
    EXPECT_EQ(std::string(out, end), header) << length;
  }
  char out[kMaxFrameHeader];
  write_frame_header(out, Opcode::kBinary, true, 1);
  EXPECT_EQ(out[0], '\xc2');
}

TEST(WebSocketFrame, ReadsWhatIsThere) {
  const std::string header("\x02\xff\x00\x00\x00\x01\x00\x00\x00\x05kkkk", 14);
  FrameHeader read;
  for (size_t size = 0; size < header.size(); ++size) {
    EXPECT_EQ(parse_frame_header(header.substr(0, size), {}, read).state,
              FrameHeaderResult::State::kIncomplete);
  }
  const auto result = parse_frame_header(header + "payload", {}, read);
  EXPECT_EQ(result.state, FrameHeaderResult::State::kComplete);
  EXPECT_EQ(result.size, header.size());
  EXPECT_EQ(read.length, 0x100000005u);
  EXPECT_FALSE(read.fin);
  EXPECT_EQ(read.opcode, Opcode::kBinary);
  EXPECT_EQ(read.key, (MaskKey{'k', 'k', 'k', 'k'}));
}

TEST(WebSocketFrame, TakesTheFirstReservedBitWithDeflateOnly) {
  FrameHeader read;
  const FrameRules deflate{.in_message = false, .deflate = true};
  const FrameRules inside{.in_message = true, .deflate = true};
  using State = FrameHeaderResult::State;
  EXPECT_EQ(parse_frame_header("\xc1", {}, read).state, State::kMalformed);
  EXPECT_EQ(parse_frame_header("\xc1", deflate, read).state, State::kIncomplete);
  EXPECT_TRUE(read.compressed);
  EXPECT_EQ(parse_frame_header("\xc0", inside, read).state, State::kMalformed);
  EXPECT_EQ(parse_frame_header("\xc9", deflate, read).state, State::kMalformed);
  EXPECT_EQ(parse_frame_header("\xe1", deflate, read).state, State::kMalformed);
}

std::string hex(const std::array<uint8_t, 20>& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// RFC 3174 7.3, FIPS 180-4, and lengths around the block.
TEST(Sha1, KnownDigests) {
  EXPECT_EQ(hex(sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(hex(sha1(std::string(1'000'000, 'a'))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(hex(sha1(std::string(55, 'a'))), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  EXPECT_EQ(hex(sha1(std::string(64, 'a'))), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

TEST(WebSocketClose, CodesThatMayBeSent) {
  for (int code = 0; code <= 65535; ++code) {
    const bool may = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
                     (code >= 3000 && code <= 4999);
    ASSERT_EQ(may_be_sent(static_cast<uint16_t>(code)), may) << code;
  }
}

}  // namespace
}  // namespace tricorn
