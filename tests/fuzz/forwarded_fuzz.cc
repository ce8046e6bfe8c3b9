// Fuzzes forwarded headers: whatever a client wrote before, the client is an address, and the one
// that the last untrusted proxy appended.
//
// Input: a byte of choices, then header values, one a line.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "worker/protocol/char_class.h"
#include "worker/protocol/forwarded.h"
#include "worker/protocol/request_checks.h"

namespace {

using namespace tricorn;

[[noreturn]] void give_up(const char* why, const RequestOrigin& origin) {
  std::fprintf(stderr, "%s: client '%s' %d\n", why, origin.client.host.c_str(), origin.client.port);
  std::abort();
}

void check(const Forwarded& said) {
  const SocketAddress& client = said.origin.client;
  if (client.known) {
    const auto address = parse_ip_address(client.host);
    if (!address || to_string(*address) != client.host) give_up("no address", said.origin);
    if (client.port < 0 || client.port > 65535) give_up("no port", said.origin);
  } else if (!client.host.empty()) {
    give_up("unknown, but named", said.origin);
  }
  if (!is_valid_host(said.host)) give_up("bad host", said.origin);
}

struct Family {
  std::string_view name;
  uint32_t field;
  std::string_view appended;  // by our own proxy, for a client at 203.0.113.7
};
constexpr Family kFamilies[] = {
    {"X-Forwarded-For", kXForwardedFor, "203.0.113.7:5"},
    {"Forwarded", kForwarded, "for=\"203.0.113.7:5\";proto=https;by=_us"},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const Family& family = kFamilies[data[0] & 1];
  const bool everybody = (data[0] & 2) != 0;
  const bool own_line = (data[0] & 4) != 0;
  std::vector<std::string> values;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (;;) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (all_in_class(line, kValueChar)) values.emplace_back(line);
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  auto read = [&](uint32_t fields, std::string_view trusted) {
    std::vector<Header> headers;
    for (const std::string& value : values) {
      headers.push_back({family.name, value});
      headers.push_back({"X-Forwarded-Proto", value});
      headers.push_back({"X-Forwarded-Host", value});
    }
    const Forwarded said = read_forwarded(headers, {TrustedPeers::parse(trusted).value(), fields});
    check(said);
    return said;
  };
  read(family.field | kXForwardedProto | kXForwardedHost, everybody ? "*" : "10.0.0.0/8,::1");
  if (own_line || values.empty()) {
    values.emplace_back(family.appended);
  } else {
    values.back().append(", ").append(family.appended);
  }
  const RequestOrigin origin = read(family.field, "10.0.0.0/8,::1").origin;
  if (origin.client.host != "203.0.113.7" || origin.client.port != 5) give_up("forged", origin);
  if (family.field == kForwarded && origin.https != true) give_up("forged scheme", origin);
  return 0;
}
