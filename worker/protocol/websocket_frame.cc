// WebSocketFrame: byte by byte, in the order of RFC 6455 5.2.
#include "worker/protocol/websocket_frame.h"

namespace tricorn {
namespace {

constexpr uint8_t kFin = 0x80;
constexpr uint8_t kRsv1 = 0x40;
constexpr uint8_t kRsv23 = 0x30;
constexpr uint8_t kOpcodeBits = 0x0F;
constexpr uint8_t kMasked = 0x80;
constexpr uint8_t kLength16 = 126;
constexpr uint8_t kLength64 = 127;

uint8_t byte_at(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

const char* take_first_byte(uint8_t byte, const FrameRules& rules, FrameHeader& header) {
  const uint8_t number = byte & kOpcodeBits;
  header.fin = (byte & kFin) != 0;
  header.compressed = (byte & kRsv1) != 0;
  header.opcode = static_cast<Opcode>(number);
  const bool reserved = (number > 2 && number < 8) || number > 10;
  if (reserved) return "reserved opcode";
  if ((byte & kRsv23) != 0) return "reserved bits are set";
  const bool begins = header.opcode == Opcode::kText || header.opcode == Opcode::kBinary;
  if (header.compressed && !(rules.deflate && begins)) return "reserved bits are set";
  if (is_control(header.opcode)) return header.fin ? nullptr : "fragmented control frame";
  if (begins && rules.in_message) return "message inside of a fragmented message";
  if (!begins && !rules.in_message) return "continuation of nothing";
  return nullptr;
}

const char* take_second_byte(uint8_t byte, const FrameHeader& header) {
  if ((byte & kMasked) == 0) return "unmasked frame";
  const bool too_long = (byte & ~kMasked) > static_cast<int>(kMaxControlPayload);
  return is_control(header.opcode) && too_long ? "control frame too long" : nullptr;
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

}  // namespace

FrameHeaderResult parse_frame_header(std::string_view bytes, const FrameRules& rules,
                                     FrameHeader& header) {
  using State = FrameHeaderResult::State;
  const auto malformed = [](const char* fault) {
    return FrameHeaderResult{State::kMalformed, 0, fault};
  };
  if (bytes.empty()) return {};
  if (const char* fault = take_first_byte(byte_at(bytes, 0), rules, header)) {
    return malformed(fault);
  }
  if (bytes.size() < 2) return {};
  if (const char* fault = take_second_byte(byte_at(bytes, 1), header)) return malformed(fault);
  header.length = byte_at(bytes, 1) & ~kMasked;
  size_t size = 2;
  if (header.length >= kLength16) {
    const size_t length_bytes = header.length == kLength16 ? 2 : 8;
    const uint64_t least = header.length == kLength16 ? kLength16 : 0x10000;
    size += length_bytes;
    if (bytes.size() < size) return {};
    header.length = big_endian(bytes.substr(2, length_bytes));
    if (header.length < least) return malformed("length not in its shortest form");
    if (header.length >> 63 != 0) return malformed("length with its highest bit set");
  }
  if (bytes.size() < size + header.key.size()) return {};
  bytes.copy(header.key.data(), header.key.size(), size);
  return {State::kComplete, size + header.key.size(), nullptr};
}

char* write_frame_header(char* out, Opcode opcode, bool compressed, uint64_t length) {
  const auto put_big_endian = [&](int bytes) {
    for (int i = bytes - 1; i >= 0; --i) *out++ = static_cast<char>(length >> 8 * i);
  };
  *out++ = static_cast<char>(kFin | (compressed ? kRsv1 : 0) | static_cast<uint8_t>(opcode));
  if (length < kLength16) {
    *out++ = static_cast<char>(length);
  } else if (length < 0x10000) {
    *out++ = kLength16;
    put_big_endian(2);
  } else {
    *out++ = kLength64;
    put_big_endian(8);
  }
  return out;
}

}  // namespace tricorn
