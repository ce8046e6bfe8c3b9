// The same command line and environment, but for what only one process can have been meant by.
#include "supervisor/successor.h"

#include <filesystem>

#include "supervisor/os/inheritance.h"
#include "supervisor/os/process_ops.h"
#include "supervisor/os/program_path.h"

namespace tricorn {

Result<pid_t> start_successor(std::vector<std::string> argv, Environment environment, int link_fd) {
  std::error_code ignored;
  auto running = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  auto path = environment.find("PATH");
  argv.at(0) = program_path(argv.at(0), path == environment.end() ? "" : path->second, running);
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"}) {
    environment.erase(name);
  }
  environment[kHandoverVariable] = std::to_string(link_fd);
  return start_process(argv, to_strings(environment), link_fd);
}

}  // namespace tricorn
