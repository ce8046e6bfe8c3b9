// TaskRunner: the coroutine of a RequestTask. It stands between asyncio and the coroutine that is
// to be run: the first step is run by hand, before asyncio knows of it, and so is a step that is
// taken early (TaskResumer); all others when asyncio steps the task. Known to the cycle
// collector: a task may be in its own context.
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

  // How a step ended that was run by hand, until asyncio was told.
  enum class Step : uint8_t { kTold, kYielded, kReturned, kRaised };
  Step step = Step::kTold;
  PyRef step_result;  // what it yielded, returned or raised

  // What asyncio was told that the coroutine waits for; null while it does not wait.
  PyRef awaited;
  PyRef task_context;                 // of asyncio's own steps
  bool ignores_cancellation = false;  // the next one that is thrown in

  // How often it was advanced in the loop's turn of this number.
  uint64_t turn = 0;
  uint32_t advances = 0;

  // Somebody changed the task beyond what its runner knows of: it cannot serve another coroutine.
  bool touched = false;

  // Runs the first step of `new_coroutine` in `new_context`. Never leaves an error set.
  void begin(PyObject* new_coroutine, PyObject* new_context, PyObject* new_name);
  enum class Advance : uint8_t {
    kNotRun,      // its context cannot be entered now
    kWaitsAgain,  // for the same Future: asyncio needs to hear of nothing
    kToTell,      // asyncio is to step the task, which tells it how the step ended
  };
  // Runs one step more although `awaited`, a pending Future, is not done. Never leaves an error
  // set.
  Advance advance();
  bool ended_with_none() const { return step == Step::kReturned && step_result.get() == Py_None; }
  // Lets go of the coroutine, for the next one.
  void forget();

  // --- AwaitableSlots, for asyncio
  static PySendResult resume(TaskRunner* self, PyObject* value, PyObject** result);
  static PySendResult raise(TaskRunner* self, PyObject* exception, PyObject** result);
  static void close(TaskRunner* self);

 private:
  PySendResult send(PyObject* value, PyObject** result);
  void record(PySendResult outcome, PyObject* result);
  PySendResult resume_coroutine(PyObject* value, PyObject** result);
  PySendResult raise_in_coroutine(PyObject* exception, PyObject** result);
};

// A new one, or null with an error set.
TaskRunner* make_task_runner();
// Null if `object` is something else.
TaskRunner* as_task_runner(PyObject* object);

bool add_task_runner_type();

}  // namespace tricorn
