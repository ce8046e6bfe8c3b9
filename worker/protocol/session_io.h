// For tests: a session's input as a connection would feed it, and what it has to write.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/protocol/session.h"

namespace tricorn {

// Calls feed(piece) for `bytes` in pieces of `size` bytes (0: whole).
template <class Feed>
void in_pieces(std::string_view bytes, size_t size, Feed&& feed) {
  if (size == 0) size = bytes.size();
  for (size_t begin = 0; begin < bytes.size(); begin += size) {
    // A copy of its own, gone after the call: views that outlive it are found by the address
    // sanitizer.
    const std::string copy(bytes.substr(begin, size));
    feed(std::string_view(copy));
  }
}

// The same with sizes from 1 to 9, told by `seed` (0: whole).
template <class Feed>
void in_random_pieces(std::string_view bytes, uint32_t seed, Feed&& feed) {
  while (!bytes.empty()) {
    size_t size = bytes.size();
    if (seed != 0) {
      seed = seed * 1664525 + 1013904223;
      size = std::min<size_t>(size, 1 + (seed >> 24) % 9);
    }
    feed(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

// Takes what is ready to be written, as a transport would; a file that has become shorter stays.
inline std::string take_output(Session& session) {
  std::string bytes;
  std::array<iovec, OutputQueue::kMaxIovecs> iovecs;
  OutputQueue& output = session.output();
  while (!output.empty()) {
    if (const auto file = output.front_file()) {
      std::string piece(file->length, '\0');
      if (file->read(piece) != static_cast<ssize_t>(piece.size())) break;
      output.consume(piece.size());
      bytes.append(piece);
      continue;
    }
    const size_t count = output.iovecs(iovecs);
    size_t size = 0;
    for (size_t i = 0; i < count; ++i) {
      bytes.append(static_cast<const char*>(iovecs[i].iov_base), iovecs[i].iov_len);
      size += iovecs[i].iov_len;
    }
    output.consume(size);
  }
  session.on_output_sent();
  return bytes;
}

}  // namespace tricorn
