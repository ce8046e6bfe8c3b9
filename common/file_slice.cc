// FileView: reading.
#include "common/file_slice.h"

#include <algorithm>
#include <cerrno>

namespace tricorn {

ssize_t FileView::read(std::span<char> buffer) const {
  const size_t most = std::min(buffer.size(), length);
  ssize_t count;
  do {
    count = ::pread(fd, buffer.data(), most, static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  return count;
}

}  // namespace tricorn
