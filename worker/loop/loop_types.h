// The Python types of this layer: _tricorn.BaseLoop, Handle and TimerHandle.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// Imports asyncio, makes the types and adds them to `module`. Once per process, after
// make_interned(). False with an error set.
bool add_loop_types(PyObject* module);

}  // namespace tricorn
