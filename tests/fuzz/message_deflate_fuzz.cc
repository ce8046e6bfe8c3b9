// Fuzzes permessage-deflate: what a compressed message inflates to does not depend on its cut, is
// bounded, and what we compress comes back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "worker/protocol/message_deflate.h"

namespace {

using tricorn::Deflater;
using tricorn::Inflated;
using tricorn::Inflater;

constexpr uint64_t kMaxBytes = 5000;

// What came out, and how it ended.
std::string run(Inflater& inflater, std::string_view bytes, uint32_t cut) {
  std::string out;
  Inflated result = Inflated::kOk;
  while (!bytes.empty() && result == Inflated::kOk) {
    size_t piece = bytes.size();
    if (cut != 0) {
      cut = cut * 1664525 + 1013904223;
      piece = std::min<size_t>(piece, 1 + (cut >> 24) % 9);
    }
    const std::string copy(bytes.substr(0, piece));
    result = inflater.feed(copy, out, kMaxBytes);
    bytes.remove_prefix(piece);
  }
  if (out.size() > kMaxBytes + 1) std::abort();
  if ((out.size() > kMaxBytes) != (result == Inflated::kTooBig)) std::abort();
  inflater.reset();
  return out + std::to_string(static_cast<int>(result));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static Inflater inflater;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string message = std::string(bytes).append(tricorn::kMessageTail);
  if (run(inflater, message, 0) != run(inflater, message, data[0] | 256u)) std::abort();
  static Deflater deflater(9);
  if (bytes.size() <= kMaxBytes) {
    const std::string packed = deflater.compress(bytes).append(tricorn::kMessageTail);
    if (run(inflater, packed, data[0]) != std::string(bytes) + "0") std::abort();
  }
  return 0;
}
