// Socket addresses as SocketAddress values.
#include "worker/transport/socket_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace tricorn {
namespace {

SocketAddress inet_address(int family, const void* bytes, in_port_t port) {
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family, bytes, text, sizeof text) == nullptr) return {};
  return {.host = text, .port = ntohs(port), .known = true};
}

SocketAddress inet6_address(const sockaddr_in6& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    return inet_address(AF_INET, &address.sin6_addr.s6_addr[12], address.sin6_port);
  }
  return inet_address(AF_INET6, &address.sin6_addr, address.sin6_port);
}

SocketAddress unix_address(const sockaddr_un& address, socklen_t length) {
  size_t path_offset = offsetof(sockaddr_un, sun_path);
  if (length <= path_offset) return {};  // unnamed: a unix client
  std::string_view path(address.sun_path, length - path_offset);
  if (path.front() == '\0') return {.host = "@" + std::string(path.substr(1)), .known = true};
  return {.host = std::string(path.substr(0, path.find('\0'))), .known = true};
}

}  // namespace

SocketAddress socket_address(const sockaddr* address, socklen_t length) {
  switch (address->sa_family) {
    case AF_INET: {
      const auto& in4 = *reinterpret_cast<const sockaddr_in*>(address);
      return inet_address(AF_INET, &in4.sin_addr, in4.sin_port);
    }
    case AF_INET6:
      return inet6_address(*reinterpret_cast<const sockaddr_in6*>(address));
    case AF_UNIX:
      return unix_address(*reinterpret_cast<const sockaddr_un*>(address), length);
    default:
      return {};
  }
}

SocketAddress local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(fd, address, &length) != 0) return {};
  return socket_address(address, length);
}

}  // namespace tricorn
