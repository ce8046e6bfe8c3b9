// ReadyAwaitable: a coroutine, as asyncio sees it, whose result is there already: awaiting it does
// not suspend.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// A new reference; null with an error set. `name` is the method's that returns it, a literal.
PyRef make_ready_awaitable(PyRef result, const char* name);

// False with an error set.
bool add_ready_awaitable_type();

}  // namespace tricorn
