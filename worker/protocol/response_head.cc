// ResponseHead: checks and copies each field in one pass, and takes all back at the first bad one.
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
    for (const Header& header : headers) replaced |= same_ignoring_case(header.name, name);
    if (!replaced) out.append(name).append(": ").append(value).append("\r\n");
  }
}

struct FieldsWritten {
  ResponseFields fields;
  bool has_date = false;
  bool has_server = false;
  const char* problem = nullptr;
};

void note_length(FieldsWritten& written, std::string_view value) {
  const auto length = parse_length(value);
  auto& known = written.fields.content_length;
  if (!length || (known && known != length)) written.problem = "invalid response content-length";
  known = length;
}

// Notes what a field means for the rest of the head; true if it is to be written as the app gave
// it.
bool take_field(FieldsWritten& written, const Header& header) {
  switch (classify(header.name)) {
    case Field::kOther:
      return true;
    case Field::kDate:
      return written.has_date = true;
    case Field::kServer:
      return written.has_server = true;
    case Field::kConnection:
      written.fields.close |= has_token(header.value, "close");
      return false;
    case Field::kContentLength:
      note_length(written, header.value);
      return false;
    case Field::kTransferEncoding:
      return false;
  }
  return false;
}

char* write_fields(char* out, std::span<const Header> headers, FieldsWritten& written) {
  for (const Header& header : headers) {
    if (header.name.empty() || !all_in_class(header.name, kTokenChar)) {
      written.problem = "invalid response header name";
    } else if (!is_field_value(header.value)) {
      written.problem = "invalid response header value";
    } else if (take_field(written, header)) {
      out = write_field(out, header.name, header.value);
    }
    if (written.problem != nullptr) return out;
  }
  return out;
}

}  // namespace

Result<ResponseFields> append_response_head(std::string& out, int status,
                                            std::span<const Header> headers,
                                            const Http1Context& context) {
  const HttpSettings& settings = context.settings;
  const size_t begin = out.size();
  const size_t bound = kMaxStatusLineBytes + field_bytes(headers) + context.date.size() +
                       kFieldOverhead + sizeof("date") + kServerLine.size();
  FieldsWritten written;
  out.resize_and_overwrite(begin + bound, [&](char* buffer, size_t) {
    char* end = write_status_line(buffer + begin, status);
    end = write_fields(end, headers, written);
    if (written.problem != nullptr) return begin;
    if (settings.date_header && !written.has_date) end = write_field(end, "date", context.date);
    const bool server = settings.server_header && !written.has_server;
    if (server && (settings.extra_headers.empty() || !any_named(settings, "server"))) {
      end = put(end, kServerLine);
    }
    return static_cast<size_t>(end - buffer);
  });
  if (written.problem != nullptr) return fail(written.problem);
  if (!settings.extra_headers.empty()) append_extra_headers(out, headers, settings);
  return written.fields;
}

Result<> append_informational_head(std::string& out, int status, std::span<const Header> headers) {
  const size_t begin = out.size();
  const size_t bound = kMaxStatusLineBytes + field_bytes(headers) + sizeof("\r\n");
  FieldsWritten written;
  out.resize_and_overwrite(begin + bound, [&](char* buffer, size_t) {
    char* end = write_status_line(buffer + begin, status);
    end = write_fields(end, headers, written);
    return written.problem != nullptr ? begin : static_cast<size_t>(put(end, "\r\n") - buffer);
  });
  if (written.problem != nullptr) return fail(written.problem);
  return {};
}

}  // namespace tricorn
