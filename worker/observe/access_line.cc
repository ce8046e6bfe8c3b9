// AccessLine: one case per atom.
#include "worker/observe/access_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "worker/observe/log_text.h"
#include "worker/protocol/status_line.h"

namespace tricorn {
namespace {

// What one value may take up of the line's room.
constexpr size_t kMaxMethodText = 64;
constexpr size_t kMaxTargetText = 3000;
constexpr size_t kMaxFieldText = 1024;
constexpr size_t kMaxNameText = 256;  // hosts, users, request ids

void append_number(std::string& out, uint64_t number) {
  fmt::format_int text(number);
  out.append(text.data(), text.size());
}

uint64_t in_microseconds(Duration took) {
  using std::chrono::microseconds;
  return static_cast<uint64_t>(std::chrono::duration_cast<microseconds>(took).count());
}

// "1.002003"
void append_decimal_seconds(std::string& out, Duration took) {
  const uint64_t us = in_microseconds(took);
  append_number(out, us / 1'000'000);
  fmt::format_int fraction(1'000'000 + us % 1'000'000);
  out += '.';
  out.append(fraction.data() + 1, 6);
}

std::string_view version_text(HttpVersion version) {
  switch (version) {
    case HttpVersion::k10:
      return "1.0";
    case HttpVersion::k11:
      return "1.1";
    case HttpVersion::k2:
      return "2";
  }
  std::abort();
}

int shown_status(const ExchangeRecord& exchange) {
  return exchange.status == 0 ? kClientClosedRequest : exchange.status;
}

// A unix client has no port, and one that proxies name may have none (0).
void append_client(LogText& text, const SocketAddress& client) {
  if (!client.known) return;
  text.append(client.host, kMaxNameText);
  if (client.port < 0) return;
  text.out() += ':';
  append_number(text.out(), static_cast<uint64_t>(client.port));
}

void append_request_line(LogText& text, const ExchangeRecord& exchange) {
  text.append(exchange.method, kMaxMethodText);
  text.out() += ' ';
  text.append(exchange.target, kMaxTargetText);
  text.out() += " HTTP/";
  text.out() += version_text(exchange.version);
}

// The first part that is not empty.
void append_or_dash(LogText& text, std::string_view value, size_t limit) {
  text.append(value.empty() ? "-" : value, limit);
}

std::string_view request_field(const ExchangeRecord& exchange, size_t index) {
  return exchange.fields->request(index).value_or("");
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view query_of(std::string_view target) {
  const size_t mark = target.find('?');
  return mark == target.npos ? std::string_view() : target.substr(mark + 1);
}

void append_user(LogText& text, std::string_view authorization) {
  std::string user;  // up to 15 letters: no allocation
  append_or_dash(text, basic_auth_user(authorization, user), kMaxNameText);
}

void append_number_or_dash(std::string& out, uint64_t number, bool is_dash) {
  if (is_dash) {
    out += '-';
  } else {
    append_number(out, number);
  }
}

void append_figure(std::string& out, AccessAtom atom, const AccessEvent& event) {
  const uint64_t bytes = event.exchange.response_bytes;
  const SocketAddress& client = event.client;
  switch (atom) {
    case AccessAtom::kClientPort:
      return append_number_or_dash(out, static_cast<uint64_t>(client.port),
                                   !client.known || client.port < 0);
    case AccessAtom::kStatus:
      return append_number(out, static_cast<uint64_t>(shown_status(event.exchange)));
    case AccessAtom::kBytes:
      return append_number(out, bytes);
    case AccessAtom::kBytesOrDash:
      return append_number_or_dash(out, bytes, bytes == 0);
    case AccessAtom::kSeconds:
      return append_number(out, in_microseconds(event.took) / 1'000'000);
    case AccessAtom::kMilliseconds:
      return append_number(out, in_microseconds(event.took) / 1'000);
    case AccessAtom::kMicroseconds:
      return append_number(out, in_microseconds(event.took));
    case AccessAtom::kDecimalSeconds:
      return append_decimal_seconds(out, event.took);
    case AccessAtom::kConnectionRequests:
      return append_number(out, event.connection_requests);
    default:  // resolved at the start, or AccessLine's own
      return;
  }
}

void append_value(LogText& text, const AccessPiece& piece, const AccessEvent& event) {
  std::string& out = text.out();
  const ExchangeRecord& exchange = event.exchange;
  switch (piece.atom) {
    case AccessAtom::kLiteral:
      out += piece.text;
      return;
    case AccessAtom::kClientAddress:
      return append_client(text, event.client);
    case AccessAtom::kClientHost:
      return append_or_dash(text, event.client.known ? event.client.host : "", kMaxNameText);
    case AccessAtom::kUser:
      return append_user(text, request_field(exchange, piece.index));
    case AccessAtom::kClfTime:
      out += event.clf_time;
      return;
    case AccessAtom::kIsoTime:
      out += event.iso_time;
      return;
    case AccessAtom::kRequestLine:
      return append_request_line(text, exchange);
    case AccessAtom::kMethod:
      return text.append(exchange.method, kMaxMethodText);
    case AccessAtom::kTarget:
      return text.append(exchange.target, kMaxTargetText);
    case AccessAtom::kPath:
      return text.append(path_of(exchange.target), kMaxTargetText);
    case AccessAtom::kQuery:
      return text.append(query_of(exchange.target), kMaxTargetText);
    case AccessAtom::kProtocol:
      out += "HTTP/";
      out += version_text(exchange.version);
      return;
    case AccessAtom::kVersion:
      out += version_text(exchange.version);
      return;
    case AccessAtom::kScheme:
      out += event.https ? "https" : "http";
      return;
    case AccessAtom::kReason:
      return append_or_dash(text, reason_phrase(exchange.status), kMaxNameText);
    case AccessAtom::kRequestField:
      return append_or_dash(text, request_field(exchange, piece.index), kMaxFieldText);
    case AccessAtom::kResponseField:
      return append_or_dash(text, exchange.fields->response(piece.index).value_or(""),
                            kMaxFieldText);
    default:
      return append_figure(out, piece.atom, event);
  }
}

void make_literal(AccessPiece& piece, std::string_view value, AccessPattern& pattern) {
  std::string text;
  LogText writer(text, pattern.json, pattern.text_room);
  append_or_dash(writer, value, kMaxFieldText);
  pattern.text_room -= text.size() - std::min<size_t>(text.size(), 3);  // "..." has its room
  piece = {.atom = AccessAtom::kLiteral, .text = std::move(text)};
}

}  // namespace

AccessLine::AccessLine(AccessPattern pattern, uint64_t id_seed)
    : pattern_(std::move(pattern)), id_seed_(id_seed) {
  for (AccessPiece& piece : pattern_.pieces) {
    if (piece.atom == AccessAtom::kPid) {
      make_literal(piece, fmt::format("<{}>", ::getpid()), pattern_);
    } else if (piece.atom == AccessAtom::kEnvironment) {
      const char* value = std::getenv(piece.text.c_str());
      make_literal(piece, value == nullptr ? "" : value, pattern_);
    }
  }
}

void AccessLine::append(std::string& out, const AccessEvent& event) {
  LogText text(out, pattern_.json, pattern_.text_room);
  for (const AccessPiece& piece : pattern_.pieces) {
    if (piece.atom != AccessAtom::kRequestId) {
      append_value(text, piece, event);
    } else if (std::string_view sent = request_field(event.exchange, piece.index); !sent.empty()) {
      text.append(sent, kMaxNameText);
    } else {
      fmt::format_to(std::back_inserter(out), "{:016x}{:016x}", id_seed_, ++ids_made_);
    }
  }
  out += '\n';
}

}  // namespace tricorn
