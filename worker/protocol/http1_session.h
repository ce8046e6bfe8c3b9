// Http1Session: HTTP/1.0 and 1.1 on one connection (RFC 9110, RFC 9112), over llhttp.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/worker_settings.h"
#include "worker/protocol/exchange.h"
#include "worker/protocol/forwarded.h"
#include "worker/protocol/session.h"

namespace tricorn {

struct MessageCodecs;  // message_deflate.h

// Shared by all sessions of a worker; outlives them.
struct Http1Context {
  const HttpSettings& settings;
  // "Sun, 22 Nov 2026 12:00:00 GMT", kept current by the server (at most a second old).
  const std::string& date;
  const RecordNeeds& needs;
  MessageCodecs* codecs = nullptr;  // null: no permessage-deflate
};

// One per connection; `handler`, `waker` and `observer` (may be null) belong to the connection and
// outlive the session. `forwarded`: what to believe of forwarded fields; null when the peer is not
// trusted with them. It outlives the session, too.
std::unique_ptr<Session> make_http1_session(const Http1Context& context, RequestHandler& handler,
                                            SessionWaker& waker, ExchangeObserver* observer,
                                            const ForwardedRules* forwarded = nullptr);

}  // namespace tricorn
