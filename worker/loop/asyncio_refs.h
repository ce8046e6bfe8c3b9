// What the loop uses of asyncio itself, looked up once per process.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

struct AsyncioRefs {
  PyRef task;                    // _asyncio.Task, whatever asyncio.Task is meanwhile
  PyRef future;                  // _asyncio.Future
  PyRef current_task;            // asyncio.current_task
  PyRef enter_task;              // asyncio._enter_task
  PyRef leave_task;              // asyncio._leave_task
  PyRef base_event_loop;         // asyncio.base_events.BaseEventLoop
  PyRef format_callback_source;  // asyncio.format_helpers._format_callback_source
  PyRef extract_stack;           // asyncio.format_helpers.extract_stack
  PyRef base_events;             // the module: its logger, its _format_handle
  PyRef tasks;                   // the names of asyncio.tasks: programs replace its Task
};

// Filled by load_asyncio_refs(); never freed.
extern AsyncioRefs& asyncio_refs;

// False with an error set.
bool load_asyncio_refs();

// "f(1) at file.py:3", as asyncio's handles name their callback. From Python 3.13 on the arguments
// are shown in debug mode only. Null with an error set.
PyRef describe_call(PyObject* callback, PyObject* arguments, bool debug);

}  // namespace tricorn
