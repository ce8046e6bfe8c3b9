// _tricorn.Loop: the event loop's native methods that are about I/O, over the scheduler of
// worker/loop.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// Adds the types of this layer to `module`, after add_loop_types. False with an error set.
bool add_asyncio_types(PyObject* module);

}  // namespace tricorn
