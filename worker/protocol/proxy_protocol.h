// The PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): one header in front of a
// connection's first byte, by which a proxy tells whose connection it passes on.
//
// PURE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/socket_address.h"
#include "common/worker_settings.h"

namespace tricorn {

// What the header says. Neither address is `known` when it leaves the connection's own in place:
// LOCAL (the proxy's own health check), UNKNOWN, UNSPEC.
struct ProxyHeader {
  SocketAddress client;
  SocketAddress server;  // where the client connected to
  bool unnamed = false;  // a client's bytes, of whom it does not say who it is: not the proxy's own
  bool tells = false;    // the addresses count, also a unix client's, which is not `known`
  bool tls = false;      // the client's connection to the proxy was (PP2_TYPE_SSL)
};

struct ProxyHeaderResult {
  enum class State : uint8_t { kIncomplete, kComplete, kMalformed };
  State state = State::kIncomplete;
  size_t size = 0;         // of the complete header
  const char* fault = "";  // of the malformed one: "is not there", for a log line
};

// The longest header of either version; what is incomplete at this size cannot be.
inline constexpr size_t kMaxProxyV1Bytes = 107;  // with its CRLF
inline constexpr size_t kMaxProxyHeaderBytes = 16 + 65535;

// Looks at the first bytes of a connection, all that have come so far. In constant time until a
// header may be complete, so a header that drips in costs linear time. Whether it is complete or
// malformed does not depend on what follows it. `accepted` is not kOff.
ProxyHeaderResult parse_proxy_header(std::string_view bytes, ProxyProtocol accepted,
                                     ProxyHeader& header);

enum class ProxySignature : uint8_t { kNo, kPerhaps, kYes };
// Whether `bytes` begin with the signature of either version; kPerhaps: they are too few.
ProxySignature has_proxy_signature(std::string_view bytes);

}  // namespace tricorn
