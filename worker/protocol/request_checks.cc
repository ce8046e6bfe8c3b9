// RequestChecks: one pass over a head's fields, then the target.
#include "worker/protocol/request_checks.h"

#include <algorithm>

#include "common/text.h"
#include "worker/protocol/char_class.h"
#include "worker/protocol/websocket_handshake.h"

namespace tricorn {
namespace {

constexpr int kBadRequest = 400;

std::string_view trim_right(std::string_view value) {
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  return value;
}

struct FieldsSeen {
  Header* host = nullptr;
  int hosts = 0;
  int transfer_encodings = 0;
  std::string_view transfer_encoding;
};

// Trims all values and looks at the few fields that matter here, told apart by their length first.
int scan_fields(ParsedHead& head, FieldsSeen& seen) {
  for (Header& header : head.headers) {
    const std::string_view raw = header.value;
    header.value = trim_right(raw);
    switch (header.name.size()) {
      case 2:
        if (equals_ignoring_case(header.name, "te")) {
          head.takes_trailers |= has_token(header.value, "trailers");
        }
        break;
      case 4:
        if (equals_ignoring_case(header.name, "host")) {
          seen.host = &header;
          ++seen.hosts;
        }
        break;
      case 6:
        if (equals_ignoring_case(header.name, "expect")) {
          head.expect_continue |= equals_ignoring_case(header.value, "100-continue");
        }
        break;
      case 9:
        head.forwarded |= equals_ignoring_case(header.name, "forwarded");
        break;
      case 14:  // llhttp has checked the digits but takes padding behind them
        if (header.value.size() != raw.size() &&
            equals_ignoring_case(header.name, "content-length")) {
          return kBadRequest;
        }
        break;
      case 15:
        head.forwarded |= equals_ignoring_case(header.name, "x-forwarded-for");
        break;
      case 16:
        head.forwarded |= equals_ignoring_case(header.name, "x-forwarded-host");
        break;
      case 17:
        if (equals_ignoring_case(header.name, "transfer-encoding")) {
          seen.transfer_encoding = header.value;
          ++seen.transfer_encodings;
        } else {
          head.forwarded |= equals_ignoring_case(header.name, "x-forwarded-proto");
        }
        break;
      default:
        break;
    }
  }
  return 0;
}

int check_framing(const ParsedHead& head, const FieldsSeen& seen, const HttpSettings& limits) {
  if (seen.transfer_encodings > 0) {
    if (seen.transfer_encodings > 1 || head.has_content_length) return kBadRequest;
    if (head.version() == HttpVersion::k10) return kBadRequest;
    return transfer_coding_refusal(seen.transfer_encoding);
  }
  if (limits.max_body_bytes != 0 && head.content_length > limits.max_body_bytes) return 413;
  return 0;
}

// Absolute form (RFC 9112 3.2.2): the target becomes its path and query, Host its authority.
int reduce_absolute_form(ParsedHead& head, Header* host, std::string& scratch) {
  const size_t scheme = head.target.find("://");
  if (scheme == std::string_view::npos) return kBadRequest;
  const std::string_view name = head.target.substr(0, scheme);
  if (!equals_ignoring_case(name, "http") && !equals_ignoring_case(name, "https")) {
    return kBadRequest;
  }
  const std::string_view rest = head.target.substr(scheme + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.empty() || !is_valid_host(authority)) return kBadRequest;
  if (host != nullptr) {
    host->value = authority;
  } else {
    head.headers.push_back({"host", authority});
  }
  head.target = rest.substr(end);
  if (head.target.empty()) {
    head.target = head.method == "OPTIONS" ? "*" : "/";
  } else if (head.target.front() == '?') {
    scratch.assign("/").append(head.target);
    head.target = scratch;
  }
  return 0;
}

int check_target(ParsedHead& head, Header* host, std::string& scratch) {
  if (head.target.find('#') != std::string_view::npos) return kBadRequest;
  if (head.target.front() == '/') return 0;
  if (head.target == "*") return head.method == "OPTIONS" ? 0 : kBadRequest;
  return reduce_absolute_form(head, host, scratch);
}

// Where WebSocket is not spoken its handshake is a request like any other; but what others on the
// path might take for frames is no body.
int check_upgrade(ParsedHead& head, const WebSocketSettings& settings) {
  if (!asks_for_websocket(head)) return 0;
  if (!settings.enabled) return head.has_body() && head.method == "GET" ? kBadRequest : 0;
  const int refusal = websocket_refusal(head);
  head.websocket = refusal == 0;
  return refusal;
}

}  // namespace

int check_head(ParsedHead& head, std::string_view line, const HttpSettings& limits,
               std::string& scratch) {
  if (head.major == 0) return kBadRequest;  // HTTP/0.9 has no head
  if (head.major != 1) return 505;
  if (!is_exact_request_line(line, head)) return kBadRequest;
  if (head.method == "CONNECT") return 405;
  FieldsSeen seen;
  if (const int status = scan_fields(head, seen)) return status;
  if (seen.hosts > 1 || (seen.hosts == 0 && head.version() == HttpVersion::k11)) {
    return kBadRequest;
  }
  if (seen.host != nullptr && !is_valid_host(seen.host->value)) return kBadRequest;
  if (const int status = check_framing(head, seen, limits)) return status;
  if (const int status = check_target(head, seen.host, scratch)) return status;
  return head.upgrade ? check_upgrade(head, limits.websocket) : 0;
}

bool is_exact_request_line(std::string_view line, const ParsedHead& head) {
  constexpr std::string_view kVersion = " HTTP/1.";
  const size_t target = head.method.size() + 1;
  const size_t version = target + head.target.size();
  return line.data() + target == head.target.data() &&
         line.substr(version, kVersion.size()) == kVersion &&
         line.substr(version + kVersion.size() + 1, 2) == "\r\n";
}

bool is_valid_host(std::string_view host) {
  size_t name = 0;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    if (!all_in_class(host.substr(1, end - 1), kLiteralChar)) return false;
    name = end + 1;
  } else {
    name = length_in_class(host, kNameChar);
  }
  if (name == host.size()) return true;
  return host[name] == ':' && all_in_class(host.substr(name + 1), kDigit);
}

int transfer_coding_refusal(std::string_view value) {
  if (equals_ignoring_case(value, "chunked")) return 0;
  const size_t comma = value.rfind(',');
  if (comma == std::string_view::npos) return kBadRequest;
  if (!equals_ignoring_case(trimmed(value.substr(comma + 1)), "chunked")) return kBadRequest;
  for (std::string_view rest = value.substr(0, comma);;) {
    const size_t next = rest.find(',');
    const std::string_view coding = trimmed(rest.substr(0, next));
    if (coding.empty() || equals_ignoring_case(coding, "chunked")) return kBadRequest;
    if (next == std::string_view::npos) return 501;
    rest.remove_prefix(next + 1);
  }
}

bool has_token(std::string_view list, std::string_view token) {
  for (;;) {
    const size_t comma = list.find(',');
    if (equals_ignoring_case(trimmed(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace tricorn
