// The request target taken apart, as ASGI wants it (asgi.md: HTTP connection scope, `path`,
// `raw_path`, `query_string`). PURE.
#pragma once

#include <string>
#include <string_view>

namespace tricorn {

struct TargetParts {
  std::string_view raw_path;  // as on the wire, without the query
  std::string_view query;     // after the first '?', "" if there is none
};

TargetParts split_target(std::string_view target);

// %XX replaced by its byte; an incomplete or wrong escape stays as it is. '+' stays '+'.
std::string percent_decode(std::string_view text);

// For logs: what is not visible ASCII as %XX.
std::string percent_encode(std::string_view text);

// True when `path` already lies below `root_path` ("/api" holds "/api" and "/api/x", not "/apis"):
// a proxy in front kept the prefix, so that it must not be added twice.
bool has_path_prefix(std::string_view path, std::string_view root_path);

}  // namespace tricorn
