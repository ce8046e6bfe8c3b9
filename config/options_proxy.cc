// Options of group "Proxies": whom to believe where a request comes from.
#include <array>

#include "common/text.h"
#include "common/trusted_peers.h"
#include "config/option_values.h"

namespace tricorn {
namespace {

constexpr std::array<std::pair<std::string_view, uint32_t>, 4> kFields = {{
    {"x-forwarded-for", kXForwardedFor},
    {"x-forwarded-proto", kXForwardedProto},
    {"x-forwarded-host", kXForwardedHost},
    {"forwarded", kForwarded},
}};

template <class Field>
OptionValue peers_value(Field field) {
  auto set = [field](Options& options, const std::string& text) -> Result<> {
    if (auto peers = TrustedPeers::parse(text); !peers) return pass_on(peers);
    field(options) = text;
    return {};
  };
  return {.metavar = "LIST", .set = set, .show = field};
}

Result<uint32_t> parse_fields(std::string_view text) {
  uint32_t fields = 0;
  for (std::string_view rest = text;;) {
    const size_t comma = rest.find(',');
    std::string name = lowered(rest.substr(0, comma));
    std::erase_if(name, [](char c) { return c == ' ' || c == '\t'; });
    const auto* found = std::ranges::find(kFields, name, [](const auto& f) { return f.first; });
    if (found == kFields.end()) {
      return fail(
          fmt::format("'{}' is none of x-forwarded-for, x-forwarded-proto, "
                      "x-forwarded-host, forwarded",
                      name));
    }
    fields |= found->second;
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
  if ((fields & kForwarded) != 0 && fields != kForwarded) {
    return fail("forwarded goes alone: a client could send the field that the proxy does not");
  }
  return fields;
}

OptionValue fields_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    auto fields = parse_fields(text);
    if (!fields) return pass_on(fields);
    options.worker.proxy.fields = *fields;
    return {};
  };
  auto show = [](const Options& options) {
    std::string shown;
    for (const auto& [name, bit] : kFields) {
      if ((options.worker.proxy.fields & bit) == 0) continue;
      shown.append(shown.empty() ? "" : ",").append(name);
    }
    return shown;
  };
  return {.metavar = "LIST", .set = set, .show = show};
}

// "auto", and what gunicorn's older versions have for it: a switch.
OptionValue protocol_value() {
  OptionValue value =
      choice_value<ProxyProtocol>({{"off", ProxyProtocol::kOff},
                                   {"v1", ProxyProtocol::kV1},
                                   {"v2", ProxyProtocol::kV2},
                                   {"auto", ProxyProtocol::kAuto}},
                                  [](auto& o) -> auto& { return o.worker.proxy.protocol; });
  value.set = [set = value.set](Options& options, const std::string& text) -> Result<> {
    const auto on = parse_boolean(text);
    return set(options, !on ? text : *on ? "auto" : "off");
  };
  return value;
}

}  // namespace

OptionGroup proxy_options() {
  return {
      "Proxies",
      {
          {.name = "proxy-headers",
           .value = switch_value([](auto& o) -> auto& { return o.worker.proxy.headers; }),
           .help = "Take client and scheme from what trusted proxies say in header fields."},
          {.name = "forwarded-allow-ips",
           .value = peers_value([](auto& o) -> auto& { return o.worker.proxy.trusted; }),
           .help = "Proxies to trust: addresses, networks (10.0.0.0/8), unix for unix sockets, or "
                   "* for everybody.",
           .variable = "FORWARDED_ALLOW_IPS"},
          {.name = "forwarded-headers",
           .value = fields_value(),
           .help = "The fields to believe: x-forwarded-for, -proto and -host, or forwarded "
                   "(RFC 7239) alone."},
          {.name = "proxy-protocol",
           .value = protocol_value(),
           .help =
               "Take the client from the PROXY protocol header at the front of a connection, of "
               "this version."},
          {.name = "proxy-allow-from",
           .aliases = {"--proxy-allow-ips"},
           .value = peers_value([](auto& o) -> auto& { return o.worker.proxy.protocol_sources; }),
           .help = "Who has to send that header, written as for --forwarded-allow-ips; all others "
                   "must not."},
      }};
}

}  // namespace tricorn
