// CapturedFields: see the header.
#include "worker/protocol/captured_fields.h"

#include <algorithm>

#include "worker/protocol/char_class.h"
#include "worker/protocol/exchange.h"

namespace tricorn {
namespace {

// A value is kept for a log line, which has no room for more.
constexpr size_t kMaxValueBytes = 4096;

}  // namespace

void CapturedFields::clear() {
  bytes_.clear();
  std::ranges::fill(spans_, Span{});
}

void CapturedFields::take_request(std::span<const Header> headers) {
  take(needs_.request_fields, spans_.data(), headers);
}

void CapturedFields::take_response(std::span<const Header> headers) {
  take(needs_.response_fields, spans_.data() + needs_.request_fields.size(), headers);
}

void CapturedFields::take(std::span<const std::string> names, Span* spans,
                          std::span<const Header> headers) {
  for (size_t i = 0; i < names.size(); ++i) {
    spans[i] = {};  // a response may be begun twice: a file that is gone
    for (const Header& header : headers) {
      if (!same_ignoring_case(header.name, names[i])) continue;
      const std::string_view value = header.value.substr(0, kMaxValueBytes);
      spans[i] = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(value.size())};
      bytes_.append(value);
      break;
    }
  }
}

}  // namespace tricorn
