// The guard against outliving one's parent.
#pragma once

#include <sys/types.h>

namespace tricorn {

// Asks the kernel for SIGTERM at the death of `parent`, whose child the caller is. False: it is
// dead already, so no signal will come; the caller ends itself. To be called last: a change of user
// takes the wish back. Async-signal-safe.
[[nodiscard]] bool end_with_parent(pid_t parent) noexcept;

}  // namespace tricorn
