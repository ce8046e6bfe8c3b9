// RequestTask: an asyncio.Task that serves one coroutine after the other, as long as they end in
// their first step.
//
// Making a Task, running it and seeing it off costs more than everything else that a small request
// does in Python (1.2 to 1.5 µs). Most requests end without having waited, and need a task only so
// that asyncio.current_task(), timeouts and cancel scopes are right meanwhile. So a task is made
// ahead and its first step held back:
//
//   the coroutine's first step   _enter_task(loop, task) · coroutine.send(None) in its own context
//   · _leave_task it ended                     and nobody else knows of the task: it waits for the
//   next coroutine it waits, or the task is     asyncio runs the task's first step, which yields,
//   returns or raises what the known to somebody            coroutine did: from there on it is like
//   any other task
//
// While it waits for a coroutine it calls itself done, so that asyncio.all_tasks() leaves it out.
// It subclasses asyncio.Task to see what could outlive a request: callbacks, cancellations, a name,
// attributes.
#pragma once

#include "worker/loop/task_runner.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// A task that was made and not stepped yet.
struct SpareTask {
  PyRef task;
  PyRef context;                       // of its own steps
  PyRef step;                          // what asyncio wants to be called: the first step
  TaskRunner* runner = nullptr;        // its coroutine; lives as long as the task
  Py_ssize_t references = 0;           // to the task, as long as nobody else knows of it
  PyObject* weak_reference = nullptr;  // the registry's, borrowed; null: none

  explicit operator bool() const { return static_cast<bool>(task); }
  // Makes a task whose own steps run in `context`; its first one goes to the loop's call_soon.
  // Empty with an error set.
  static SpareTask make(PyObject* loop, PyObject* context);
  // That call was caught: the task is a spare one. False with an error set.
  bool complete(PyRef caught_step);
  // Nothing of the last coroutine's time can be seen any more.
  bool is_as_new() const;
};

// asyncio.tasks.Task(coroutine, loop=loop, name=name, context=context), whichever class that is by
// now: nest_asyncio is one that replaces it. `name` and `context` may be null.
PyRef make_task(PyObject* loop, PyObject* coroutine, PyObject* context, PyObject* name);

// The runner of a RequestTask, which keeps it alive; null if `task` is another one.
TaskRunner* runner_of_task(PyObject* task);

// After asyncio was imported. False with an error set.
bool add_request_task_type();

}  // namespace tricorn
