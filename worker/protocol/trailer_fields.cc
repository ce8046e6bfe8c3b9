// TrailerFields: the list.
#include "worker/protocol/trailer_fields.h"

#include <algorithm>

#include "worker/protocol/char_class.h"

namespace tricorn {
namespace {

constexpr std::string_view kForbidden[] = {
    // framing and the connection
    "connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    // routing
    "host",
    // controls of the request
    "cache-control", "expect", "if-match", "if-modified-since", "if-none-match", "if-range",
    "if-unmodified-since", "max-forwards", "pragma", "range",
    // authentication and cookies
    "authorization", "cookie", "proxy-authenticate", "proxy-authorization", "set-cookie",
    "www-authenticate",
    // controls of the response
    "age", "date", "expires", "location", "retry-after", "vary", "warning",
    // what the body is
    "content-encoding", "content-range", "content-type"};

}  // namespace

bool is_forbidden_trailer(std::string_view name) {
  return std::ranges::any_of(
      kForbidden, [&](std::string_view known) { return equals_ignoring_case(name, known); });
}

Result<> check_trailers(std::span<const Header> headers) {
  for (const auto& [name, value] : headers) {
    if (name.empty() || !all_in_class(name, kTokenChar)) return fail("invalid trailer name");
    if (!all_in_class(value, kValueChar)) return fail("invalid trailer value");
    if (is_forbidden_trailer(name)) {
      return fail(std::string(name) + " cannot be a trailer (RFC 9110 6.5.1)");
    }
  }
  return {};
}

void append_trailers(std::string& out, std::span<const Header> headers) {
  for (const auto& [name, value] : headers) {
    out.append(name).append(": ").append(value).append("\r\n");
  }
}

}  // namespace tricorn
