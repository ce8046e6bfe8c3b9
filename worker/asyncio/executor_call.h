// ExecutorCall: what loop.run_in_executor() gives to a thread pool in place of the function: it
// runs the function there and completes a Future of the loop by one call into the loop.
//
// asyncio chains the Future to the pool's concurrent.futures.Future instead (asyncio.wrap_future),
// whose states it then asks for one by one. Here that one is left to the pool, and looked at only
// when it is done without the function having been run: cancelled by shutdown(), or failed with the
// pool. Cancelling the loop's Future cancels it, as long as it has not begun.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

extern PyMethodDef executor_methods[];  // ends with an empty entry

// False with an error set.
bool load_executor_call();

}  // namespace tricorn
