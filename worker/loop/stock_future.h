// asyncio.Future as this layer handles it at each wait: made, asked, completed past the look-up of
// attributes and past the call protocol of types. GIL held.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// Once, after load_asyncio_refs(). False with an error set.
bool load_stock_future();

// Future(**keywords): `keywords` is {"loop": ...}. Null with an error set.
PyRef make_stock_future(PyObject* keywords);

// All of these want a Future that make_stock_future() or create_future() made.

// True as well if that cannot be told. Leaves no error set.
bool is_future_done(PyObject* future);
// Marks it as `await future` does before it is yielded, so that the task waits for it. False with
// an error set.
bool mark_future_awaited(PyObject* future);
// set_result(None). False with an error set: it was done.
bool complete_stock_future(PyObject* future);

}  // namespace tricorn
