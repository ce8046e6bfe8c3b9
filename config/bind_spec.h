// BindSpec: where to listen, as a user writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace tricorn {

struct BindSpec {
  enum class Kind : uint8_t { kTcp, kUnix, kFd };
  Kind kind = Kind::kTcp;
  std::string host;   // kTcp: an address or a name, IPv6 without brackets
  uint16_t port = 0;  // kTcp; 0: the kernel chooses
  std::string path;   // kUnix: "/run/app.sock"; "@name" is an abstract socket
  int fd = -1;        // kFd: an inherited listening socket
  bool operator==(const BindSpec&) const = default;
};

// "host:port", "[v6]:port", ":port" (all IPv4 addresses), "port" (127.0.0.1), "unix:path",
// "fd://N".
Result<BindSpec> parse_bind_spec(std::string_view text);
// --uds: a path alone.
Result<BindSpec> unix_bind_spec(std::string_view path);

// The canonical spelling: "127.0.0.1:8000", "[::1]:8000", "unix:/run/app.sock", "fd://3".
std::string to_string(const BindSpec& bind);

}  // namespace tricorn
