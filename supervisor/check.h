// --check: loads the app in a zygote as a server with --preload would, and serves nothing.
#pragma once

#include "supervisor/os/event_loop.h"
#include "supervisor/process_table.h"

namespace tricorn {

// Returns the process's exit code: 0 when the app could be loaded, else what a server would have
// exited with. The master's signals are blocked already; TERM and INT end the check.
int run_check(EventLoop& loop, Scoreboard& scoreboard, ZygotePlan plan, Duration boot_timeout,
              ZygoteLauncher launch = launch_zygote);

}  // namespace tricorn
