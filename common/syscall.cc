// What sys() says about a failed call.
#include "common/syscall.h"

#include <fmt/core.h>

#include <system_error>

namespace tricorn {

std::string describe_errno(std::string_view call, std::string_view subject, int sys_errno) {
  // Not strerror(): its buffer is shared by all threads.
  std::string reason = std::generic_category().message(sys_errno);
  if (subject.empty()) return fmt::format("{}: {}", call, reason);
  return fmt::format("{} {}: {}", call, subject, reason);
}

}  // namespace tricorn
