// AccessPattern: what a line of the access log is made of: the value of --access-log-format,
// compiled once to a flat list of pieces.
//
// Atoms are gunicorn's, with what uvicorn and hypercorn have beyond them and a few readable names
// of our own; docs/options.md has the table. A pattern whose first character is "{" makes JSON:
// values are escaped for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace tricorn {

enum class AccessAtom : uint8_t {
  kLiteral,        // `text`
  kClientAddress,  // "127.0.0.1:54321"
  kClientHost,
  kClientPort,
  kUser,  // of HTTP Basic authentication
  kClfTime,
  kIsoTime,
  kRequestLine,
  kMethod,
  kTarget,
  kPath,
  kQuery,
  kProtocol,  // "HTTP/1.1"
  kVersion,   // "1.1"
  kScheme,
  kStatus,
  kReason,
  kBytes,
  kBytesOrDash,
  kSeconds,
  kMilliseconds,
  kMicroseconds,
  kDecimalSeconds,
  kPid,
  kRequestId,
  kConnectionRequests,
  kRequestField,   // `index` into request_fields
  kResponseField,  // `index` into response_fields
  kEnvironment,    // the variable `text`
};

struct AccessPiece {
  AccessAtom atom = AccessAtom::kLiteral;
  uint16_t index = 0;
  std::string text = {};
  bool operator==(const AccessPiece&) const = default;
};

struct AccessPattern {
  std::vector<AccessPiece> pieces;
  bool json = false;
  bool needs_duration = false;
  std::vector<std::string> request_fields;  // in lower case; kUser and kRequestId have theirs here
  std::vector<std::string> response_fields;
  size_t text_room = 0;  // bytes that values of any length may take up together in one line
};

// A line with its newline is never longer: what a pipe takes whole or not at all (PIPE_BUF).
inline constexpr size_t kMaxAccessLine = 4096;

// `text`: default, common, combined, json, or a pattern. The Error goes on after "--option: ".
Result<AccessPattern> compile_access_pattern(std::string_view text);

}  // namespace tricorn
