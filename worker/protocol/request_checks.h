// RequestChecks: what of a parsed head is refused beyond what llhttp refuses, and with which
// status. Pure functions.
//
// Strict by design: whatever two parties on the path could read differently is an error (RFC
// 9112 11.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/worker_settings.h"
#include "worker/protocol/exchange.h"

namespace tricorn {

// A head as the parser recorded it; views into the bytes that are being fed.
struct ParsedHead {
  std::string_view method;
  std::string_view target;  // as on the wire
  uint8_t major = 0;
  uint8_t minor = 0;
  std::vector<Header> headers;
  // What the fields say about the connection and the body.
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;  // Upgrade, and a Connection option that names it
  bool chunked = false;
  bool has_content_length = false;
  bool expect_continue = false;
  bool takes_trailers = false;  // TE: trailers (RFC 9110 10.1.4)
  bool forwarded = false;       // a proxy says where it comes from: see forwarded.h
  bool websocket = false;       // a good handshake, where WebSocket is spoken
  uint64_t content_length = 0;

  HttpVersion version() const { return minor == 0 ? HttpVersion::k10 : HttpVersion::k11; }
  bool has_body() const { return chunked || content_length > 0; }
};

// Trims the values, reduces an absolute-form target to the origin form with its Host (`scratch` may
// hold the new target), finds `Expect: 100-continue`, `TE: trailers` and the handshake of a
// WebSocket. `line`: the bytes from the
// method on, at least the whole request line. Returns the status to refuse the request with, 0 for
// a good one.
int check_head(ParsedHead& head, std::string_view line, const HttpSettings& limits,
               std::string& scratch);

// Parts of the above, each a table test.
bool is_exact_request_line(std::string_view line, const ParsedHead& head);
bool is_valid_host(std::string_view host);  // uri-host [":" port]; "" is valid (RFC 9110 7.2)
int transfer_coding_refusal(
    std::string_view value);  // 0 for "chunked" alone, 501 for "x, chunked", else 400
bool has_token(std::string_view list, std::string_view token);  // in a comma list, any case

}  // namespace tricorn
