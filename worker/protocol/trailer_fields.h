// TrailerFields: what may follow a chunked body (RFC 9110 6.5, RFC 9112 7.1.2).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "worker/protocol/exchange.h"

namespace tricorn {

// Fields that a recipient needs before the body, or that would change what it has understood
// already: framing, routing, controls, authentication, content format (RFC 9110 6.5.1). Any case.
bool is_forbidden_trailer(std::string_view name);

// Errors: a name that is no token, a control byte in a value, a forbidden field. The same for every
// client, whether it gets them or not, so that a mistake shows at once.
Result<> check_trailers(std::span<const Header> headers);

// Appends the field lines, which were checked; no blank line.
void append_trailers(std::string& out, std::span<const Header> headers);

}  // namespace tricorn
