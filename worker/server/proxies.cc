// Proxies: see the header.
#include "worker/server/proxies.h"

#include <fmt/format.h>

#include <utility>

#include "common/logging.h"

namespace tricorn {
namespace {

constexpr Duration kReportInterval = std::chrono::minutes(1);

// The master has checked the lists; should they be wrong all the same, nobody is trusted.
TrustedPeers parse(const std::string& list) {
  return TrustedPeers::parse(list).value_or(TrustedPeers());
}

}  // namespace

Proxies::Proxies(const ProxySettings& settings)
    : settings_(settings),
      forwarded_{parse(settings.trusted), settings.fields},
      header_sources_(parse(settings.protocol_sources)) {}

void Proxies::log_refusal(TimePoint now, std::string_view peer, std::string_view fault) {
  if (now < next_report_) {
    ++unreported_;
    return;
  }
  next_report_ = now + kReportInterval;
  const uint64_t others = std::exchange(unreported_, 0);
  log_warning("connection from {} reset: its PROXY header {}{}",
              peer.empty() ? "a unix socket" : peer, fault,
              others == 0 ? "" : fmt::format("; so were {} more since the last such line", others));
}

ConnectionInfo as_told(ConnectionInfo info, const ProxyHeader& header) {
  if (header.tells) {
    info.client = header.client;
    if (header.server.known) info.server = header.server;
  }
  info.tls |= header.tls;
  return info;
}

}  // namespace tricorn
