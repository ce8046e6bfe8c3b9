// ResponseHead: an app's status and header fields, checked and serialised.
//
// The framing fields (content-length, transfer-encoding, connection) are held back: only the first
// body message tells which of them are right.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/result.h"
#include "worker/protocol/exchange.h"
#include "worker/protocol/http1_session.h"

namespace tricorn {

// What the app's fields say about framing.
struct ResponseFields {
  std::optional<uint64_t> content_length;
  bool close = false;
};

// Appends the status line, the app's fields without the framing ones, and the defaults that they do
// not replace. The blank line is not written. Errors (nothing was appended): a name that is no
// token, a control byte in a value, a bad or contradictory content-length.
Result<ResponseFields> append_response_head(std::string& out, int status,
                                            std::span<const Header> headers,
                                            const Http1Context& context);

// Appends a whole informational response: status line, the fields without framing ones, blank line.
// Errors as above.
Result<> append_informational_head(std::string& out, int status, std::span<const Header> headers);

}  // namespace tricorn
