// For tests: a datagram socket in the place of the service manager's.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "common/unique_fd.h"

namespace tricorn {

// Receives what a service sends to an abstract socket of a fresh name.
class ServiceManager {
 public:
  ServiceManager() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un any{};
    any.sun_family = AF_UNIX;  // autobind: the kernel picks an abstract name
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&any), sizeof(sa_family_t)), 0);
    sockaddr_un bound{};
    socklen_t length = sizeof bound;
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound), &length), 0);
    size_t name_length = length - offsetof(sockaddr_un, sun_path) - 1;
    name_ = "@" + std::string(bound.sun_path + 1, name_length);
  }
  const std::string& name() const { return name_; }
  // The next message; waits for it.
  std::string receive() const { return receive(0); }
  // The same; "" when there is none now.
  std::string receive_now() const { return receive(MSG_DONTWAIT); }

 private:
  std::string receive(int flags) const {
    char buffer[512];
    ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, flags);
    return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }

  UniqueFd fd_;
  std::string name_;
};

}  // namespace tricorn
