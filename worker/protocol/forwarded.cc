// Forwarded: see the header. Lists are walked from the right; every element is read once.
#include "worker/protocol/forwarded.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>
#include <utility>

#include "common/text.h"
#include "worker/protocol/char_class.h"
#include "worker/protocol/request_checks.h"

namespace tricorn {
namespace {

std::optional<bool> says_https(std::string_view proto) {
  if (equals_ignoring_case(proto, "https") || equals_ignoring_case(proto, "wss")) return true;
  if (equals_ignoring_case(proto, "http") || equals_ignoring_case(proto, "ws")) return false;
  return std::nullopt;
}

// Whether the quote at `at` is part of a quoted string's text.
bool is_escaped(std::string_view text, size_t at) {
  size_t backslashes = 0;
  while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

bool is_obfuscated(std::string_view text) {
  return text.size() > 1 && text.front() == '_' && all_in_class(text, kTokenChar);
}

bool parse_port(std::string_view text, uint16_t& port) {
  if (is_obfuscated(text)) return true;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

// What the walk over a list has found so far.
class Walk {
 public:
  Walk(const TrustedPeers& trusted, SocketAddress& client) : trusted_(trusted), client_(client) {}
  ~Walk() {
    if (last_) client_ = {.host = to_string(last_->address), .port = last_->port, .known = true};
  }
  Walk(const Walk&) = delete;

  // Takes the next node to the left; false: what is left of it does not count.
  bool take(std::string_view text) {
    const auto node = parse_node(text);
    if (!node) return trusted_.everybody();
    last_ = node;
    return trusted_.contains(node->address);
  }

 private:
  const TrustedPeers& trusted_;
  SocketAddress& client_;
  std::optional<ForwardedNode> last_;
};

// The values of a field that may be repeated, last line first.
auto lines_of(std::span<const Header> headers, std::string_view lower_case_name) {
  return headers | std::views::reverse | std::views::filter([=](const Header& header) {
           return equals_ignoring_case(header.name, lower_case_name);
         });
}

void read_x_forwarded_for(std::span<const Header> headers, const TrustedPeers& trusted,
                          SocketAddress& client) {
  Walk walk(trusted, client);
  for (const Header& line : lines_of(headers, "x-forwarded-for")) {
    for (std::string_view rest = line.value; !rest.empty();) {
      const std::string_view element = take_last_element(rest, false);
      if (!element.empty() && !walk.take(element)) return;
    }
  }
}

// What the nearest proxy says: of X-Forwarded-Proto and -Host it is not known which element belongs
// to which hop.
std::string_view last_word(std::span<const Header> headers, std::string_view lower_case_name) {
  for (const Header& line : lines_of(headers, lower_case_name)) {
    for (std::string_view rest = line.value; !rest.empty();) {
      const std::string_view element = take_last_element(rest, false);
      if (!element.empty()) return element;
    }
  }
  return {};
}

void read_rfc7239(std::span<const Header> headers, const TrustedPeers& trusted,
                  RequestOrigin& origin) {
  Walk walk(trusted, origin.client);
  for (const Header& line : lines_of(headers, "forwarded")) {
    for (std::string_view rest = line.value; !rest.empty();) {
      const std::string_view text = take_last_element(rest, true);
      if (text.empty()) continue;
      const auto element = parse_forwarded_element(text);
      if (!element && trusted.everybody()) continue;
      if (!element) return;
      if (const auto https = says_https(element->proto)) origin.https = https;
      if (!walk.take(element->node)) return;
    }
  }
}

// Takes `token "=" ( token / quoted-string )` off the front of `text`. Values may have the
// characters of an address unquoted, which the grammar forbids and proxies write.
bool take_parameter(std::string_view& text, std::string_view& name, std::string& value) {
  const size_t equals = text.find('=');
  name = text.substr(0, equals);
  if (equals == text.npos || name.empty() || !all_in_class(name, kTokenChar)) return false;
  text.remove_prefix(equals + 1);
  value.clear();
  if (!text.starts_with('"')) {
    const size_t size = std::min(text.find_first_of("; \t"), text.size());
    value = text.substr(0, size);
    text.remove_prefix(size);
    return !value.empty() && std::ranges::all_of(value, [](const char& c) {
      return all_in_class({&c, 1}, kTokenChar) || c == ':' || c == '[' || c == ']';
    });
  }
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
    if (text[i] == '\\') ++i;
    if (i == text.size()) return false;
    value += text[i];
  }
  return false;
}

}  // namespace

Forwarded read_forwarded(std::span<const Header> headers, const ForwardedRules& rules) {
  Forwarded said;
  if ((rules.fields & kForwarded) != 0) read_rfc7239(headers, rules.trusted, said.origin);
  if ((rules.fields & kXForwardedFor) != 0) {
    read_x_forwarded_for(headers, rules.trusted, said.origin.client);
  }
  if ((rules.fields & kXForwardedProto) != 0) {
    said.origin.https = says_https(last_word(headers, "x-forwarded-proto"));
  }
  if ((rules.fields & kXForwardedHost) != 0) {
    const std::string_view host = last_word(headers, "x-forwarded-host");
    if (is_valid_host(host)) said.host = host;
  }
  return said;
}

std::optional<ForwardedNode> parse_node(std::string_view text) {
  std::string_view host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos) return std::nullopt;
    host = text.substr(1, end - 1);
    if (host.find(':') == host.npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (const size_t colon = text.find(':'); colon != text.npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  ForwardedNode node;
  const auto address = parse_ip_address(host);
  if (!address || (port && !parse_port(*port, node.port))) return std::nullopt;
  node.address = *address;
  return node;
}

std::string_view take_last_element(std::string_view& list, bool quotes) {
  bool quoted = false;
  size_t begin = list.size();
  for (; begin > 0; --begin) {
    const char c = list[begin - 1];
    if (c == ',' && !quoted) break;
    if (quotes && c == '"' && !(quoted && is_escaped(list, begin - 1))) quoted = !quoted;
  }
  const std::string_view element = trimmed(list.substr(begin));
  list = list.substr(0, begin == 0 ? 0 : begin - 1);
  return element;
}

std::optional<ForwardedElement> parse_forwarded_element(std::string_view text) {
  constexpr std::array<std::string_view, 4> kNames = {"for", "proto", "by", "host"};
  ForwardedElement element;
  std::array<bool, kNames.size()> seen{};
  for (text = trimmed(text); !text.empty();) {
    if (text.front() == ';') {  // between pairs, any of which may be empty
      text = trimmed(text.substr(1));
      continue;
    }
    std::string_view name;
    std::string value;
    if (!take_parameter(text, name, value)) return std::nullopt;
    const auto* known = std::ranges::find_if(kNames, [&](std::string_view known_name) {
      return equals_ignoring_case(name, known_name);
    });
    if (known != kNames.end()) {
      if (std::exchange(seen[known - kNames.begin()], true)) return std::nullopt;  // section 4
      if (*known == "for") element.node = value;
      if (*known == "proto") element.proto = value;
    }
    text = trimmed(text);
    if (!text.empty() && text.front() != ';') return std::nullopt;
  }
  return element;
}

}  // namespace tricorn
