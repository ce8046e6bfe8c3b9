// FileSlice: part of an open file on its way to a socket. Owns its descriptor.
//
// The file may change meanwhile: what it has grown by is not sent; a read at the end of one that
// has shrunk gives 0, and the stream must then be broken off, for its length is announced already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/unique_fd.h"

namespace tricorn {

struct FileSlice {
  UniqueFd fd;  // a regular file, for reading; none when only the length matters
  uint64_t offset = 0;
  uint64_t length = 0;
};

// What is left of one; does not own the descriptor.
struct FileView {
  int fd;
  uint64_t offset;
  size_t length;

  // For who cannot use sendfile(2). At most `length` bytes; as pread(2), with EINTR retried.
  ssize_t read(std::span<char> buffer) const;
};

}  // namespace tricorn
