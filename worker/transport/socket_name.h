// Socket addresses as SocketAddress values.
#pragma once

#include <sys/socket.h>

#include "common/socket_address.h"

namespace tricorn {

// IPv4, IPv6 (a v4-mapped address is shown as IPv4) and unix addresses; anything else is unknown.
SocketAddress socket_address(const sockaddr* address, socklen_t length);
SocketAddress local_address(int fd);  // getsockname; unknown if it fails

}  // namespace tricorn
