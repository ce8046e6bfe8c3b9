// `tricorn ctl`: asks a running server over its control socket.
#pragma once

#include "config/cli.h"

namespace tricorn {

// Exit codes of ctl (documented in docs/control.md).
enum CtlExitCode : int {
  kCtlDone = 0,
  kCtlFailed = 1,
  kCtlUsage = 2,
  kCtlNoServer = 3,
  kCtlTimeout = 4,
};

// "ctl" is the first argument. An app is no word without a colon: "ctl:app" is one.
bool asks_for_ctl(int argc, const char* const* argv);
// Returns the exit code. Writes to standard output and standard error.
int run_ctl(int argc, const char* const* argv, const Environment& environment);

}  // namespace tricorn
