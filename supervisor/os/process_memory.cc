// /proc/PID/statm, see proc(5): "size resident shared text lib data dt", in pages.
#include "supervisor/os/process_memory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "common/unique_fd.h"

namespace tricorn {

std::optional<uint64_t> resident_bytes(pid_t pid) {
  UniqueFd statm(::open(fmt::format("/proc/{}/statm", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!statm) return std::nullopt;
  char text[128];
  const ssize_t size = ::read(statm.get(), text, sizeof text);
  if (size <= 0) return std::nullopt;
  const char* const end = text + size;
  const char* const blank = std::find(static_cast<const char*>(text), end, ' ');
  uint64_t pages = 0;
  if (blank != end) std::from_chars(blank + 1, end, pages);
  if (pages == 0) return std::nullopt;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace tricorn
