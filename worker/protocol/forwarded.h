// Forwarded: where a request came from before it reached us, as the proxies on its way say in
// X-Forwarded-For, -Proto and -Host, or in Forwarded (RFC 7239).
//
// Each proxy appends what it knows of its own client, and anybody may have written what was there
// before. So lists are read from the right, and an element counts only if a trusted proxy wrote it:
// the last one if our peer is trusted (which the caller has seen to), each further one if the
// element to its right named a trusted address. The client is the address of the last element that
// counts, as in uvicorn, and in nginx with real_ip_recursive. What is no address ("unknown", "_id",
// garbage) ends the reading; what was read stands. Where everybody is trusted it is passed over.
//
// PURE.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/trusted_peers.h"
#include "common/worker_settings.h"
#include "worker/protocol/exchange.h"

namespace tricorn {

struct ForwardedRules {
  TrustedPeers trusted;
  uint32_t fields = 0;  // ForwardedField bits: the others are not looked at
};

struct Forwarded {
  RequestOrigin origin;
  std::string_view host;  // to put in the place of Host; "": leave it. A view into the headers
};

// To be called for a request of a trusted peer only.
Forwarded read_forwarded(std::span<const Header> headers, const ForwardedRules& rules);

// Parts of the above, each a table test.

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". An obfuscated
// port ("_p", RFC 7239 6.3) is 0, as none.
struct ForwardedNode {
  IpAddress address;
  uint16_t port = 0;
};
std::optional<ForwardedNode> parse_node(std::string_view text);

// Takes the last element, trimmed, off a comma list; with `quotes`, commas in quoted strings are
// part of an element. Read from the right, so nothing that is written to the left of an element
// changes its meaning.
std::string_view take_last_element(std::string_view& list, bool quotes);

// RFC 7239 section 4: the parameters of one element that matter here.
struct ForwardedElement {
  std::string node;
  std::string proto;
};
// nullopt: malformed.
std::optional<ForwardedElement> parse_forwarded_element(std::string_view text);

}  // namespace tricorn
