// Privileges: given up for good, by a child that is not yet anybody's code. The master keeps its
// own.
#pragma once

#include <functional>

#include "common/result.h"
#include "config/identity.h"

namespace tricorn {

// Whether children of this process can become `identity`, and be signalled as such. To be asked
// before anything is done: the Error is for the user.
Result<> may_become(const Identity& identity);

// Makes the calling process `identity`, in every respect and without a way back; all capabilities
// go. Nothing happens if it is that already. Returns the call that failed (errno says why), nullptr
// when done. Async-signal-safe.
[[nodiscard]] const char* become(const Identity& identity) noexcept;

// Runs `work` in a child that has become `identity`, and waits for it: for what is to be known of
// the user's rights. The calling process has one thread.
Result<> run_as(const Identity& identity, const std::function<Result<>()>& work);

}  // namespace tricorn
