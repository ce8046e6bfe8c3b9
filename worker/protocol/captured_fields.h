// CapturedFields: the fields of a request and its response that an observer asked for, kept until
// the exchange ends: by then the bytes that they came in are gone. PURE.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tricorn {

struct Header;

// What an observer wants to find in its ExchangeRecords; the same for all sessions of a worker.
struct RecordNeeds {
  bool request_line = true;                  // method and target: false spares a copy per request
  std::vector<std::string> request_fields;   // names in lower case
  std::vector<std::string> response_fields;  // of those that the app sends
  bool any_fields() const { return !request_fields.empty() || !response_fields.empty(); }
};

// Keeps its memory from one exchange to the next. Of a repeated field it has the first.
class CapturedFields {
 public:
  explicit CapturedFields(const RecordNeeds& needs)
      : needs_(needs), spans_(needs.request_fields.size() + needs.response_fields.size()) {}

  void clear();
  void take_request(std::span<const Header> headers);
  void take_response(std::span<const Header> headers);

  // By the position in RecordNeeds; nullopt: there was no such field.
  std::optional<std::string_view> request(size_t index) const { return value(spans_[index]); }
  std::optional<std::string_view> response(size_t index) const {
    return value(spans_[needs_.request_fields.size() + index]);
  }

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t size = kAbsent;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;

  std::optional<std::string_view> value(Span span) const {
    if (span.size == kAbsent) return std::nullopt;
    return std::string_view(bytes_).substr(span.begin, span.size);
  }
  void take(std::span<const std::string> names, Span* spans, std::span<const Header> headers);

  const RecordNeeds& needs_;
  std::string bytes_;
  std::vector<Span> spans_;  // the request's, then the response's
};

}  // namespace tricorn
