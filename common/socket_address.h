// SocketAddress: where one end of a connection is, as ASGI's scope and the logs name it.
#pragma once

#include <string>

namespace tricorn {

// "127.0.0.1", 54321. A unix socket: `host` is its path ("" when unnamed) and `port` is -1.
struct SocketAddress {
  std::string host;
  int port = -1;
  bool known = false;  // false: a unix client, or a peer that was gone before it could be asked
  bool operator==(const SocketAddress&) const = default;
};

// "127.0.0.1:54321", a path, or "".
inline std::string to_string(const SocketAddress& address) {
  if (!address.known || address.port < 0) return address.known ? address.host : "";
  return address.host + ":" + std::to_string(address.port);
}

}  // namespace tricorn
