// Processes: start, signal and reap. Signals go through pidfds, so a reused pid is never hit.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "config/identity.h"

namespace tricorn {

// Orphaned descendants become our children (PR_SET_CHILD_SUBREAPER), so every worker's exit status
// reaches us.
Result<> become_subreaper();

// What a child does before it becomes its program, in this order. The pointers may be null.
struct ChildSetup {
  const Identity* identity = nullptr;  // becomes it
  bool ends_with_us = false;           // asks for SIGTERM at our death
  const char* folder = nullptr;        // goes there, with the rights that are left
};

// Starts argv[0] (a path) with `environment` ("NAME=value"), all signals unblocked and at their
// defaults, and of our close-on-exec descriptors only `inherited_fd`, under the same number. Blocks
// only for the exec itself, whose failure is ours to report. Needs a process of one thread.
Result<pid_t> start_process(const std::vector<std::string>& argv,
                            const std::vector<std::string>& environment, int inherited_fd,
                            const ChildSetup& setup = {});

// How a process ended: `signal` is 0 unless a signal killed it.
struct ReapedChild {
  pid_t pid = 0;
  int code = 0;
  int signal = 0;
};
// The next child that has ended, whoever it is; nullopt when there is none now. Never blocks.
std::optional<ReapedChild> reap_child();

// The pid must not have been reaped yet.
Result<UniqueFd> open_pidfd(pid_t pid);
// A process that is already gone is no error: its exit is about to be reaped.
Result<> signal_process(const UniqueFd& pidfd, int signal);

}  // namespace tricorn
