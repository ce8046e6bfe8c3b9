// Socket addresses as text.
#include "worker/transport/socket_name.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace tricorn {
namespace {

SocketAddress inet6(const char* text, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  EXPECT_EQ(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
  return socket_address(reinterpret_cast<sockaddr*>(&address), sizeof address);
}

SocketAddress local(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  return socket_address(reinterpret_cast<sockaddr*>(&address), length);
}

TEST(SocketName, Inet4) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(54321);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(socket_address(reinterpret_cast<sockaddr*>(&address), sizeof address),
            (SocketAddress{.host = "127.0.0.1", .port = 54321, .known = true}));
}

TEST(SocketName, Inet6) {
  EXPECT_EQ(inet6("::1", 80), (SocketAddress{.host = "::1", .port = 80, .known = true}));
  EXPECT_EQ(inet6("::ffff:10.0.0.1", 80),
            (SocketAddress{.host = "10.0.0.1", .port = 80, .known = true}));
}

TEST(SocketName, Unix) {
  EXPECT_EQ(local({"/run/app.sock\0", 14}),
            (SocketAddress{.host = "/run/app.sock", .known = true}));
  EXPECT_EQ(local({"\0abstract", 9}), (SocketAddress{.host = "@abstract", .known = true}));
  EXPECT_EQ(local(""), SocketAddress{});
}

TEST(SocketName, ADescriptorThatIsNoSocketIsUnknown) {
  EXPECT_EQ(local_address(-1), SocketAddress{});
}

}  // namespace
}  // namespace tricorn
