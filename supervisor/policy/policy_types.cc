// How exits read in the log.
#include "supervisor/policy/policy_types.h"

#include <fmt/format.h>

#include <cstring>

namespace tricorn {

std::string describe(const ExitStatus& status) {
  if (status.signal == 0) return fmt::format("exit code {}", status.code);
  const char* name = ::sigabbrev_np(status.signal);
  if (name == nullptr) return fmt::format("signal {}", status.signal);
  return fmt::format("signal {} (SIG{})", status.signal, name);
}

int shell_code(const ExitStatus& status) {
  return status.signal == 0 ? status.code : 128 + status.signal;
}

std::string describe_end(const ExitStatus& status) {
  return (status.signal == 0 ? "ended with " : "killed by ") + describe(status);
}

}  // namespace tricorn
