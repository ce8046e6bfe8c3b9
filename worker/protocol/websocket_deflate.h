// WebSocketDeflate: agrees on permessage-deflate in the handshake (RFC 7692 5, 7.1). Pure.
//
// Contexts are never kept: both no_context_takeover parameters are in every answer (RFC 7692 7.1.1
// lets a server ask for them unasked), so that no connection owns a window.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "worker/protocol/exchange.h"

namespace tricorn {

struct DeflateAgreement {
  int server_window_bits = 15;  // 9..15: what we compress with
  bool operator==(const DeflateAgreement&) const = default;
};

// The first offer of the request's Sec-WebSocket-Extensions fields that can be agreed to. None:
// other extensions, unknown or repeated parameters, bad values, a window of 8 bits for us (which
// zlib cannot make).
std::optional<DeflateAgreement> agree_on_deflate(std::span<const Header> headers);

// The value of the answer's Sec-WebSocket-Extensions.
std::string deflate_answer(const DeflateAgreement& agreement);

}  // namespace tricorn
