// WebSocketHandshake: the opening handshake over HTTP/1.1 (RFC 6455 4.2). Pure functions.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "worker/protocol/exchange.h"
#include "worker/protocol/http1_session.h"
#include "worker/protocol/request_checks.h"
#include "worker/protocol/websocket_deflate.h"

namespace tricorn {

// Whether a head asks for WebSocket: HTTP/1.1, `Upgrade` with the token, `Connection: upgrade`.
// (An Upgrade in HTTP/1.0 is ignored: RFC 9110 7.8.)
bool asks_for_websocket(const ParsedHead& head);

// The status to refuse such a head with: 426 for a version other than 13, 400 for a method other
// than GET, a body, or a key that is not 16 bytes of base64, given once; 0 for a good one.
int websocket_refusal(const ParsedHead& head);

// Of a good handshake, what the answer needs after the head is gone.
struct WebSocketHandshake {
  std::array<char, 28> accept;  // the value of Sec-WebSocket-Accept
  std::optional<DeflateAgreement> deflate;
};

WebSocketHandshake take_handshake(std::span<const Header> headers, const Http1Context& context);

// Appends the 101. Errors (nothing was appended): as ResponseWriter::accept_websocket.
Result<> append_handshake_answer(std::string& out, const WebSocketHandshake& handshake,
                                 std::string_view subprotocol, std::span<const Header> headers,
                                 const Http1Context& context);

}  // namespace tricorn
