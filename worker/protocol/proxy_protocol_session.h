// ProxyProtocolSession: takes the PROXY header off the front of a connection, then stands aside for
// the session that the rest is for.
//
// PURE, as session.h. It is there only with --proxy-protocol; without, connections begin with their
// session.
#pragma once

#include <functional>
#include <memory>

#include "worker/protocol/proxy_protocol.h"
#include "worker/protocol/session.h"

namespace tricorn {

struct ProxyGreeting {
  ProxyProtocol accepted = ProxyProtocol::kAuto;
  // A peer that is allowed to send the header has to; one that is not must not, and is a client.
  bool expected = true;
  // Makes the session for what follows the header. Called once, or never.
  std::function<std::unique_ptr<Session>(const ProxyHeader& header)> open;
  // The connection is about to be reset, because the header `fault` ("is missing"). Called once.
  std::function<void(const char* fault)> refuse;
};

std::unique_ptr<Session> make_proxy_protocol_session(ProxyGreeting greeting);

}  // namespace tricorn
