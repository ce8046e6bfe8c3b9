// WebSocketClose: two bytes of code, then the reason.
#include "worker/protocol/websocket_close.h"

#include "worker/protocol/utf8_validator.h"
#include "worker/protocol/websocket.h"

namespace tricorn {

ClosePayload parse_close(std::string_view payload) {
  if (payload.empty()) return {.code = close_code::kNoStatus, .reason = {}, .fault = 0};
  if (payload.size() == 1) return {.fault = close_code::kProtocolError};
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(payload[i]); };
  const auto code = static_cast<uint16_t>(byte(0) << 8 | byte(1));
  if (!may_be_sent(code)) return {.fault = close_code::kProtocolError};
  const std::string_view reason = payload.substr(2);
  if (!is_utf8(reason)) return {.fault = close_code::kInvalidPayload};
  return {.code = code, .reason = reason, .fault = 0};
}

std::string make_close(uint16_t code, std::string_view reason) {
  if (code == close_code::kNoStatus) return {};
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
  return payload.append(reason);
}

}  // namespace tricorn
