// Proxies: whom this worker believes about where its clients are, by its settings.
#pragma once

#include <string_view>

#include "common/clock.h"
#include "common/worker_settings.h"
#include "worker/protocol/forwarded.h"
#include "worker/protocol/proxy_protocol_session.h"

namespace tricorn {

class Proxies {
 public:
  explicit Proxies(const ProxySettings& settings);  // outlives this

  // What to believe of the forwarded fields of a connection's requests; null: nothing.
  const ForwardedRules* forwarded_rules(const SocketAddress& client) const {
    return settings_.headers && forwarded_.trusted.contains(client) ? &forwarded_ : nullptr;
  }
  // Behind a PROXY header, whose sender passes bytes on, it is the client it tells that wrote the
  // fields; one that it does not name is trusted only as everybody is.
  const ForwardedRules* forwarded_rules(const SocketAddress& told,
                                        const ProxyHeader& header) const {
    return !header.unnamed || forwarded_.trusted.everybody() ? forwarded_rules(told) : nullptr;
  }

  // Whether connections may begin with a PROXY header at all, and whether those of `peer` have to.
  bool greet() const { return settings_.protocol != ProxyProtocol::kOff; }
  bool greets_with_header(const SocketAddress& peer) const {
    return header_sources_.contains(peer);
  }
  // At most one line a minute: scanners come often.
  void log_refusal(TimePoint now, std::string_view peer, std::string_view fault);

 private:
  const ProxySettings& settings_;
  ForwardedRules forwarded_;
  TrustedPeers header_sources_;
  uint64_t unreported_ = 0;
  TimePoint next_report_{};
};

// The connection as the PROXY header describes it.
ConnectionInfo as_told(ConnectionInfo info, const ProxyHeader& header);

}  // namespace tricorn
