// WebSocketClose: what a Close frame says (RFC 6455 5.5.1, 7.4). Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tricorn {

constexpr size_t kMaxCloseReason = 123;  // bytes

// Whether a Close may carry the code: 1000..1003, 1007..1014 and 3000..4999. All others mean
// something else than what is on the wire, or nothing yet (RFC 6455 7.4.2 and the IANA registry).
constexpr bool may_be_sent(uint16_t code) {
  return (code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006)) ||
         (code >= 3000 && code <= 4999);
}

struct ClosePayload {
  uint16_t code = 0;        // close_code::kNoStatus: the frame has none
  std::string_view reason;  // of the payload that was read
  uint16_t fault = 0;       // not 0: it is malformed, which is to be answered with this code
};

ClosePayload parse_close(std::string_view payload);

// kNoStatus makes an empty one.
std::string make_close(uint16_t code, std::string_view reason);

}  // namespace tricorn
