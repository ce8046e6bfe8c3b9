// TrustedPeers: whose word counts: a set of addresses and networks, as --forwarded-allow-ips and
// --proxy-allow-from name them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/ip_address.h"
#include "common/result.h"
#include "common/socket_address.h"

namespace tricorn {

class TrustedPeers {
 public:
  // "127.0.0.1, ::1, 10.0.0.0/8, unix" or "*" (everybody); "" is nobody. The Error names the first
  // wrong entry.
  static Result<TrustedPeers> parse(std::string_view list);

  bool everybody() const { return everybody_; }
  bool contains(const IpAddress& address) const;
  // One end of a connection. Unix sockets, named or not, are "unix".
  bool contains(const SocketAddress& peer) const;

 private:
  struct Network {
    IpAddress base;
    IpAddress mask;
    bool v4 = false;  // "::/0" is no IPv4 network, though v4-mapped addresses lie in it
  };
  static Result<Network> parse_network(std::string_view text);

  std::vector<Network> networks_;
  bool everybody_ = false;
  bool unix_ = false;
};

}  // namespace tricorn
