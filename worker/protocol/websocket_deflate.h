// WebSocketDeflate: agrees on permessage-deflate in the handshake (RFC 7692 5, 7.1). Pure.
//
// Without context takeover (the default) both no_context_takeover parameters are in every answer
// (RFC 7692 7.1.1 lets a server ask for them unasked), so that no connection owns a window.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "common/worker_settings.h"
#include "worker/protocol/exchange.h"

namespace tricorn {

struct DeflateAgreement {
  int server_window_bits = 15;  // 9..15: what we compress with
  int client_window_bits = 15;  // 9..15: what the client compresses with, at most
  bool server_keeps_context = false;
  bool client_keeps_context = false;  // may keep it: its messages are inflated in one context
  bool limits_client = false;         // client_window_bits is less than it would use: it is told
  bool operator==(const DeflateAgreement&) const = default;
};

// The first offer of the request's Sec-WebSocket-Extensions fields that can be agreed to. None:
// other extensions, unknown or repeated parameters, bad values, a window of 8 bits for us (which
// zlib cannot make).
std::optional<DeflateAgreement> agree_on_deflate(std::span<const Header> headers,
                                                 const DeflateSettings& settings);

// The value of the answer's Sec-WebSocket-Extensions.
std::string deflate_answer(const DeflateAgreement& agreement);

}  // namespace tricorn
