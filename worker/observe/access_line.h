// AccessLine: one line of the access log, from a compiled pattern and what is known of an exchange.
// No allocation, unless the buffer grows. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/access_pattern.h"
#include "common/clock.h"
#include "common/socket_address.h"
#include "worker/protocol/exchange.h"

namespace tricorn {

// Status of a line for a client that was gone before anything was sent, as in nginx.
inline constexpr int kClientClosedRequest = 499;

// All references and views live for the call.
struct AccessEvent {
  const ExchangeRecord& exchange;  // its `fields` are those that the pattern names
  const SocketAddress& client;
  bool https = false;
  uint32_t connection_requests = 0;  // of its connection, this one included
  Duration took{};                   // zero if the pattern has no duration
  std::string_view clf_time;         // "[22/Nov/2026:12:00:00 +0000]"
  std::string_view iso_time;         // "2026-11-22T12:00:00Z"
};

class AccessLine {
 public:
  // Resolves environment variables and the process id. `id_seed`: random, so that the request ids
  // made here are no other worker's.
  AccessLine(AccessPattern pattern, uint64_t id_seed);

  const AccessPattern& pattern() const { return pattern_; }

  // Appends one line with its newline, of kMaxAccessLine bytes at most. Bytes that could forge a
  // line or harm a terminal are escaped: \xHH, in JSON \u00HH (the byte as its Latin-1 character).
  // A value that is too long is cut and ends in "...".
  void append(std::string& out, const AccessEvent& event);

 private:
  AccessPattern pattern_;
  uint64_t id_seed_;
  uint64_t ids_made_ = 0;
};

}  // namespace tricorn
