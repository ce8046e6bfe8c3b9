// ResponseHead: one pass to check, one to copy.
#include "worker/protocol/response_head.h"

#include <charconv>

#include "worker/protocol/char_class.h"
#include "worker/protocol/put.h"
#include "worker/protocol/request_checks.h"
#include "worker/protocol/status_line.h"

namespace tricorn {
namespace {

constexpr std::string_view kServerLine = "server: tricorn\r\n";

enum class Field : uint8_t {
  kOther,
  kDate,
  kServer,
  kConnection,
  kContentLength,
  kTransferEncoding
};

Field classify(std::string_view name) {
  switch (name.size()) {
    case 4:
      return equals_ignoring_case(name, "date") ? Field::kDate : Field::kOther;
    case 6:
      return equals_ignoring_case(name, "server") ? Field::kServer : Field::kOther;
    case 10:
      return equals_ignoring_case(name, "connection") ? Field::kConnection : Field::kOther;
    case 14:
      return equals_ignoring_case(name, "content-length") ? Field::kContentLength : Field::kOther;
    case 17:
      return equals_ignoring_case(name, "transfer-encoding") ? Field::kTransferEncoding
                                                             : Field::kOther;
    default:
      return Field::kOther;
  }
}

bool is_written_by_framing(Field field) {
  return field == Field::kContentLength || field == Field::kTransferEncoding;
}

// 1*DIGIT that fits (RFC 9110 8.6); nothing for anything else.
std::optional<uint64_t> parse_length(std::string_view text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

bool any_named(const HttpSettings& settings, std::string_view lower_case_name) {
  for (const auto& [name, value] : settings.extra_headers) {
    if (equals_ignoring_case(name, lower_case_name)) return true;
  }
  return false;
}

bool same_name(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

char* write_field(char* out, std::string_view name, std::string_view value) {
  return put(put(put(put(out, name), ": "), value), "\r\n");
}

constexpr size_t kFieldOverhead = sizeof(": \r\n") - 1;

size_t field_bytes(std::span<const Header> headers) {
  size_t bytes = 0;
  for (const Header& header : headers) {
    bytes += header.name.size() + header.value.size() + kFieldOverhead;
  }
  return bytes;
}

void append_extra_headers(std::string& out, std::span<const Header> headers,
                          const HttpSettings& settings) {
  for (const auto& [name, value] : settings.extra_headers) {
    bool replaced = false;
    for (const Header& header : headers) replaced |= same_name(header.name, name);
    if (!replaced) out.append(name).append(": ").append(value).append("\r\n");
  }
}

}  // namespace

Result<ResponseFields> check_response_fields(std::span<const Header> headers) {
  ResponseFields fields;
  for (const Header& header : headers) {
    if (header.name.empty() || !all_in_class(header.name, kTokenChar)) {
      return fail("invalid response header name");
    }
    if (!all_in_class(header.value, kValueChar)) return fail("invalid response header value");
    switch (classify(header.name)) {
      case Field::kDate:
        fields.has_date = true;
        break;
      case Field::kServer:
        fields.has_server = true;
        break;
      case Field::kConnection:
        fields.close |= has_token(header.value, "close");
        break;
      case Field::kContentLength: {
        const auto length = parse_length(header.value);
        if (!length || (fields.content_length && fields.content_length != length)) {
          return fail("invalid response content-length");
        }
        fields.content_length = length;
        break;
      }
      case Field::kTransferEncoding:
      case Field::kOther:
        break;
    }
  }
  return fields;
}

void append_response_head(std::string& out, int status, std::span<const Header> headers,
                          const ResponseFields& fields, const Http1Context& context) {
  const HttpSettings& settings = context.settings;
  const bool date = settings.date_header && !fields.has_date;
  const bool server = settings.server_header && !fields.has_server;
  const size_t begin = out.size();
  const size_t bound = kMaxStatusLineBytes + field_bytes(headers) + context.date.size() +
                       kFieldOverhead + sizeof("date") + kServerLine.size();
  out.resize_and_overwrite(begin + bound, [&](char* buffer, size_t) {
    char* end = write_status_line(buffer + begin, status);
    for (const Header& header : headers) {
      const Field field = classify(header.name);
      if (is_written_by_framing(field) || field == Field::kConnection) continue;
      end = write_field(end, header.name, header.value);
    }
    if (date) end = write_field(end, "date", context.date);
    if (server && (settings.extra_headers.empty() || !any_named(settings, "server"))) {
      end = put(end, kServerLine);
    }
    return static_cast<size_t>(end - buffer);
  });
  if (!settings.extra_headers.empty()) append_extra_headers(out, headers, settings);
}

}  // namespace tricorn
