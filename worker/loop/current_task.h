// CurrentTask: which task asyncio.current_task() names, for steps that are not made by asyncio.
//
// What asyncio._enter_task and _leave_task do ("Extending asyncio" in its documentation), done
// directly where the dict behind them can be had, as up to Python 3.13. GIL held.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// RuntimeError is set, and false returned, if the loop has another current task than these say.
bool enter_task(PyObject* loop, PyObject* task);
bool leave_task(PyObject* loop, PyObject* task);

// asyncio.current_task(loop); null with an error set.
PyRef current_task(PyObject* loop);

// Whether it is this one. Never leaves an error set.
bool is_current_task(PyObject* loop, PyObject* task);

// After asyncio was imported. False with an error set.
bool find_current_tasks();

}  // namespace tricorn
