// The new master's process: how the old one starts it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/result.h"
#include "config/cli.h"

namespace tricorn {

// Starts the command `argv` of this master once more, from whatever file it leads to by now, with
// the environment that this one was started with, and with the link to us inherited at `link_fd`.
Result<pid_t> start_successor(std::vector<std::string> argv, Environment environment, int link_fd);

}  // namespace tricorn
