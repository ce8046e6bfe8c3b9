// TrustedPeers: see the header.
#include "common/trusted_peers.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "common/text.h"

namespace tricorn {
namespace {

constexpr unsigned kBits = 128;
constexpr unsigned kV4Offset = 96;

bool parse_bits(std::string_view text, unsigned most, unsigned& bits) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  return error == std::errc() && end == text.data() + text.size() && bits <= most;
}

IpAddress mask_of(unsigned bits) {
  IpAddress mask;
  for (unsigned i = 0; i < bits; ++i) mask.bytes[i / 8] |= static_cast<uint8_t>(0x80 >> i % 8);
  return mask;
}

IpAddress masked(const IpAddress& address, const IpAddress& mask) {
  IpAddress result;
  std::ranges::transform(address.bytes, mask.bytes, result.bytes.begin(), std::bit_and<uint8_t>());
  return result;
}

}  // namespace

Result<TrustedPeers> TrustedPeers::parse(std::string_view list) {
  TrustedPeers peers;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view entry = trimmed(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
    if (entry.empty()) continue;
    if (entry == "*") {
      peers.everybody_ = true;
    } else if (entry == "unix") {
      peers.unix_ = true;
    } else if (auto network = parse_network(entry)) {
      peers.networks_.push_back(*network);
    } else {
      return pass_on(network);
    }
  }
  return peers;
}

Result<TrustedPeers::Network> TrustedPeers::parse_network(std::string_view text) {
  const size_t slash = text.find('/');
  const auto base = parse_ip_address(text.substr(0, slash));
  if (!base) return fail(fmt::format("'{}' is no address, network (10.0.0.0/8), unix or *", text));
  const bool written_v4 = text.find(':') == text.npos;
  const unsigned most = written_v4 ? kBits - kV4Offset : kBits;
  unsigned bits = most;
  if (slash != text.npos && !parse_bits(text.substr(slash + 1), most, bits)) {
    return fail(fmt::format("'{}' has no prefix length from 0 to {}", text, most));
  }
  const unsigned prefix = bits + (written_v4 ? kV4Offset : 0);
  const IpAddress mask = mask_of(prefix);
  const IpAddress first = masked(*base, mask);
  if (first != *base) {
    return fail(fmt::format("'{}' has bits behind its prefix: write {}/{} for the network", text,
                            to_string(first), bits));
  }
  return Network{.base = first, .mask = mask, .v4 = base->is_v4() && prefix >= kV4Offset};
}

bool TrustedPeers::contains(const IpAddress& address) const {
  if (everybody_) return true;
  const bool v4 = address.is_v4();
  return std::ranges::any_of(networks_, [&](const Network& network) {
    return network.v4 == v4 && masked(address, network.mask) == network.base;
  });
}

bool TrustedPeers::contains(const SocketAddress& peer) const {
  if (everybody_) return true;
  if (!peer.known || peer.port < 0) return unix_;
  const auto address = parse_ip_address(peer.host);
  return address && contains(*address);
}

}  // namespace tricorn
