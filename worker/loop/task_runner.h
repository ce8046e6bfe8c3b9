// TaskRunner: the coroutine of a RequestTask. It stands between asyncio and the coroutine that is
// to be run: the first step is run by hand, before asyncio knows of it; all others when asyncio
// steps the task. Known to the cycle collector: a task may be in its own context.
#pragma once

#include <cstdint>

#include "worker/python/awaitable.h"
#include "worker/python/py_ref.h"

namespace tricorn {

struct TaskRunner {
  PyObject_HEAD;
  PyRef coroutine;  // null: none is being run
  PyRef context;    // in which it is stepped
  PyRef name;       // a str, or null

  // How the first step ended, until asyncio was told.
  enum class FirstStep : uint8_t { kTold, kYielded, kReturned, kRaised };
  FirstStep first_step = FirstStep::kTold;
  PyRef first_result;  // what it yielded, returned or raised

  // Somebody changed the task beyond what its runner knows of: it cannot serve another coroutine.
  bool touched = false;

  // Runs the first step of `new_coroutine` in `new_context`. Never leaves an error set.
  void begin(PyObject* new_coroutine, PyObject* new_context, PyObject* new_name);
  bool ended_with_none() const {
    return first_step == FirstStep::kReturned && first_result.get() == Py_None;
  }
  // Lets go of the coroutine, for the next one.
  void forget();

  // --- AwaitableSlots, for asyncio
  static PySendResult resume(TaskRunner* self, PyObject* value, PyObject** result);
  static PySendResult raise(TaskRunner* self, PyObject* exception, PyObject** result);
  static void close(TaskRunner* self);

 private:
  PySendResult send(PyObject* value, PyObject** result);
};

// A new one, or null with an error set.
TaskRunner* make_task_runner();
// Null if `object` is something else.
TaskRunner* as_task_runner(PyObject* object);

bool add_task_runner_type();

}  // namespace tricorn
