// StatusLine: "HTTP/1.1 200 OK\r\n" and the reason phrases (RFC 9110 15, the IANA registry).
#pragma once

#include <string_view>

namespace tricorn {

constexpr size_t kMaxStatusLineBytes = 64;

// "" for a status without a registered phrase.
std::string_view reason_phrase(int status);

// Writes the status line of a three-digit status and returns its end; `out` has room for
// kMaxStatusLineBytes.
char* write_status_line(char* out, int status);

}  // namespace tricorn
