// TaskResumer: see the header.
#include "worker/loop/task_resumer.h"

#include <utility>

#include "worker/loop/captured_call.h"
#include "worker/loop/current_task.h"
#include "worker/loop/event_loop.h"
#include "worker/loop/request_task.h"
#include "worker/python/interned.h"

namespace tricorn {
namespace {

// Then others are to have a go: a client may send thousands of messages in one piece.
constexpr uint32_t kStepsPerTurn = 32;

bool is_done(PyObject* future) {
  PyRef done = PyRef::steal(PyObject_CallMethodNoArgs(future, interned.done));
  if (!done) PyErr_Clear();
  return done.get() == Py_True;
}

// Since 3.13 uncancel() takes a cancellation back that the task has not seen yet: one of its own
// step, which here has reached the Future already.
bool took_cancellation_back(PyObject* task) {
  if (PY_VERSION_HEX < 0x030d0000) return false;
  PyRef count = PyRef::steal(PyObject_CallMethodNoArgs(task, interned.cancelling));
  if (!count) PyErr_Clear();
  return count && PyObject_IsTrue(count.get()) == 0;
}

}  // namespace

bool TaskResumer::resume(PyObject* task, PyObject* future) {
  if (!may_step(loop_)) return false;
  TaskRunner* runner = runner_of_task(task);
  if (runner == nullptr || runner->awaited.get() != future || is_done(future)) return false;
  if (!take_turn(*runner)) return false;
  PyRef alive = PyRef::borrow(reinterpret_cast<PyObject*>(runner));
  PyRef own_context = runner->task_context.clone();
  CapturedCall wake_up(loop_, own_context.get(), future);
  switch (advance(*runner, task, future)) {
    case TaskRunner::Advance::kNotRun:
      return false;
    case TaskRunner::Advance::kWaitsAgain:
      return true;
    case TaskRunner::Advance::kToTell:
      break;
  }
  if (wake_up) {  // cancelled by its own step
    runner->ignores_cancellation = took_cancellation_back(task);
  } else if (!PyRef::steal(PyObject_CallMethodOneArg(future, interned.set_result, Py_None))) {
    loop_.report_from_io(PyError::take(), "Exception while a task was woken");
  }
  if (wake_up && !wake_up.run()) {
    loop_.report_from_io(PyError::take(), "Exception in a step of a task");
  }
  return true;
}

bool TaskResumer::take_turn(TaskRunner& runner) {
  if (std::exchange(runner.turn, loop_.turn_number()) != runner.turn) runner.advances = 0;
  return ++runner.advances <= kStepsPerTurn;
}

TaskRunner::Advance TaskResumer::advance(TaskRunner& runner, PyObject* task, PyObject* future) {
  if (!enter_task(loop_.object(), task)) {
    PyErr_Clear();
    return TaskRunner::Advance::kNotRun;
  }
  PyObject* const outer_task = std::exchange(stepped_task_, task);
  PyObject* const outer_future = std::exchange(pending_future_, future);
  const bool was_in_python = loop_.set_in_python(true);
  const TaskRunner::Advance outcome = runner.advance();
  loop_.set_in_python(was_in_python);
  pending_future_ = outer_future;
  stepped_task_ = outer_task;
  if (!leave_task(loop_.object(), task)) {
    loop_.report_from_io(PyError::take(), "Exception at the end of a task's step");
  }
  return outcome;
}

// An eager task within the step (Python 3.12) waits for a Future of its own.
PyRef TaskResumer::take_pending_future() {
  if (pending_future_ == nullptr || !is_current_task(loop_.object(), stepped_task_)) return {};
  PyRef future = PyRef::borrow(std::exchange(pending_future_, nullptr));
  return is_done(future.get()) ? PyRef() : std::move(future);
}

}  // namespace tricorn
