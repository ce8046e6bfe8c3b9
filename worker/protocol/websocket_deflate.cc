// WebSocketDeflate: offers are elements of a comma list, their parameters behind semicolons.
#include "worker/protocol/websocket_deflate.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/text.h"
#include "worker/protocol/char_class.h"
#include "worker/protocol/message_deflate.h"

namespace tricorn {
namespace {

constexpr std::string_view kName = "permessage-deflate";

// Takes what is in front of `separator` off the text. A quoted value holds none of them that is
// valid, so quotes are not looked at.
std::string_view take_until(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view front = trimmed(text.substr(0, end));
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return front;
}

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

// 8..15, without leading zeros (RFC 7692 7.1.2); 0 for anything else.
int window_bits(std::string_view value) {
  int bits = 0;
  const char* const end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, bits);
  const bool number = error == std::errc{} && rest == end && !value.starts_with('0');
  return number && bits >= 8 && bits <= 15 ? bits : 0;
}

struct Offer {
  enum Parameter : uint8_t {
    kServerNoContext,
    kClientNoContext,
    kServerBits,
    kClientBits,
    kParameters
  };
  std::array<bool, kParameters> seen{};
  int server_bits = kMaxWindowBits;
  int client_bits = kMaxWindowBits;

  bool once(Parameter parameter) { return !std::exchange(seen[parameter], true); }

  // False: the offer is to be declined.
  bool take(std::string_view name, std::optional<std::string_view> value) {
    if (equals_ignoring_case(name, "server_no_context_takeover")) {
      return !value && once(kServerNoContext);
    }
    if (equals_ignoring_case(name, "client_no_context_takeover")) {
      return !value && once(kClientNoContext);
    }
    if (equals_ignoring_case(name, "client_max_window_bits")) {
      if (value) client_bits = window_bits(*value);
      return client_bits != 0 && once(kClientBits);
    }
    if (equals_ignoring_case(name, "server_max_window_bits") && value) {
      server_bits = window_bits(*value);
      return server_bits >= kMinWindowBits && once(kServerBits);
    }
    return false;
  }

  // A client that does not know client_max_window_bits uses what it likes. Nobody has to be told to
  // use less whose window is not kept.
  DeflateAgreement accept(const DeflateSettings& settings) const {
    const int most = static_cast<int>(settings.window_bits);
    const bool client_keeps = settings.context_takeover && !seen[kClientNoContext];
    const bool limits = client_keeps && seen[kClientBits] && most < client_bits;
    return {.server_window_bits = std::min(server_bits, most),
            .client_window_bits = limits ? most : std::max(client_bits, kMinWindowBits),
            .server_keeps_context = settings.context_takeover && !seen[kServerNoContext],
            .client_keeps_context = client_keeps,
            .limits_client = limits};
  }
};

std::optional<DeflateAgreement> agree(std::string_view offer_text,
                                      const DeflateSettings& settings) {
  if (!equals_ignoring_case(take_until(offer_text, ';'), kName)) return std::nullopt;
  Offer offer;
  while (!offer_text.empty()) {
    std::string_view parameter = take_until(offer_text, ';');
    const bool has_value = parameter.find('=') != std::string_view::npos;
    const std::string_view name = take_until(parameter, '=');
    const auto value = has_value ? std::optional(unquoted(trimmed(parameter))) : std::nullopt;
    if (!offer.take(name, value)) return std::nullopt;
  }
  return offer.accept(settings);
}

}  // namespace

std::optional<DeflateAgreement> agree_on_deflate(std::span<const Header> headers,
                                                 const DeflateSettings& settings) {
  for (const Header& header : headers) {
    if (!equals_ignoring_case(header.name, "sec-websocket-extensions")) continue;
    std::string_view offers = header.value;
    while (!offers.empty()) {
      if (const auto agreement = agree(take_until(offers, ','), settings)) return agreement;
    }
  }
  return std::nullopt;
}

std::string deflate_answer(const DeflateAgreement& agreement) {
  std::string answer(kName);
  if (!agreement.server_keeps_context) answer.append("; server_no_context_takeover");
  if (!agreement.client_keeps_context) answer.append("; client_no_context_takeover");
  if (agreement.server_window_bits < kMaxWindowBits) {
    answer.append("; server_max_window_bits=" + std::to_string(agreement.server_window_bits));
  }
  if (agreement.limits_client) {
    answer.append("; client_max_window_bits=" + std::to_string(agreement.client_window_bits));
  }
  return answer;
}

}  // namespace tricorn
