// WebSocketFrame: the header of a frame, read and written (RFC 6455 5.2). Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "worker/protocol/websocket_mask.h"

namespace tricorn {

enum class Opcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};
constexpr bool is_control(Opcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

constexpr size_t kMaxControlPayload = 125;
constexpr size_t kMaxFrameHeader = 14;

struct FrameHeader {
  bool fin = false;
  bool compressed = false;  // RSV1, of a message's first frame (RFC 7692 6)
  Opcode opcode = Opcode::kContinuation;
  uint64_t length = 0;  // of the payload
  MaskKey key{};
};

// What a header is checked against.
struct FrameRules {
  bool in_message = false;  // a fragmented message is open
  bool deflate = false;     // permessage-deflate was agreed on
};

struct FrameHeaderResult {
  enum class State : uint8_t { kIncomplete, kComplete, kMalformed };
  State state = State::kIncomplete;
  size_t size = 0;              // kComplete: of the header
  const char* fault = nullptr;  // kMalformed: which is 1002
};

// Reads a client's header from the front of `bytes`. The verdict on each byte depends on those
// before it alone, so that it is the same however they come.
FrameHeaderResult parse_frame_header(std::string_view bytes, const FrameRules& rules,
                                     FrameHeader& header);

// Writes a server's header (never masked, never a fragment) and returns its end; `out` has room for
// kMaxFrameHeader.
char* write_frame_header(char* out, Opcode opcode, bool compressed, uint64_t length);

}  // namespace tricorn
