// The double fork that turns a zygote into a worker whose parent is the master.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "common/result.h"

namespace tricorn {

enum class ForkedAs { kZygote, kWorker };

// Makes an intermediate (vfork), which forks the worker, tells the master the pid (kSpawned on
// `control_fd`) and ends: the master, a subreaper, becomes the worker's parent, and knows its pid
// before it can reap it. Returns in the zygote once the intermediate has ended, and in the worker
// once the master is its parent. The GIL is held and Python's fork hooks run in both. The process
// is single-threaded.
//
// The worker asks for SIGTERM at the master's death; if the master is already gone, it ends at
// once. Error: a fork failed; the caller tells the master.
Result<ForkedAs> fork_worker(int control_fd, uint64_t worker, pid_t master);

}  // namespace tricorn
