// TaskStarter: see the header.
#include "worker/loop/task_starter.h"

#include <utility>

#include "worker/loop/asyncio_refs.h"
#include "worker/loop/current_task.h"
#include "worker/loop/event_loop.h"
#include "worker/python/interned.h"

namespace tricorn {
namespace {

// With a task factory: as asyncio.create_task() would, through the loop's Python face.
PyRef create_task(PyObject* loop, PyObject* coroutine, PyObject* context, PyObject* name) {
  static PyObject* const keywords = PyTuple_Pack(2, interned.name, interned.context);
  PyRef method = PyRef::steal(PyObject_GetAttrString(loop, "create_task"));
  if (!method) return {};
  PyObject* arguments[] = {coroutine, name == nullptr ? Py_None : name, context};
  return PyRef::steal(PyObject_Vectorcall(method.get(), arguments, 1, keywords));
}

bool is_task_current(PyObject* loop) {
  PyRef task = PyRef::steal(PyObject_CallOneArg(asyncio_refs.current_task.get(), loop));
  if (!task) PyError::take().unraisable(loop);
  return task && task.get() != Py_None;
}

bool is_done(PyObject* future) {
  PyRef done = PyRef::steal(PyObject_CallMethodNoArgs(future, interned.done));
  if (!done) PyErr_Clear();
  return done.get() == Py_True;
}

}  // namespace

PyRef TaskStarter::start(PyObject* coroutine, PyObject* context, PyObject* name) {
  if (loop_.task_factory() != nullptr) {
    return create_task(loop_.object(), coroutine, context, name);
  }
  if (!may_step()) {
    return make_task(loop_.object(), coroutine, context, name);  // its first step is queued
  }
  SpareTask spare = spare_ ? std::exchange(spare_, {}) : make_spare();
  if (!spare) {
    if (PyErr_Occurred() != nullptr) return {};
    return make_task(loop_.object(), coroutine, context, name);
  }
  if (!run_first_step(spare, coroutine, context, name)) return {};
  if (spare.runner->ended_with_none() && spare.is_as_new()) {
    spare.runner->forget();
    spare_ = std::move(spare);
    return PyRef::none();
  }
  bool was_in_python = loop_.set_in_python(true);
  PyRef told = call_in_context(spare.context.get(), spare.step.get(), nullptr, 0);
  loop_.set_in_python(was_in_python);
  if (!told) loop_.report_from_io(PyError::take(), "Exception in the first step of a task");
  return std::move(spare.task);
}

// asyncio's own steps are between the same two calls.
bool TaskStarter::run_first_step(SpareTask& spare, PyObject* coroutine, PyObject* context,
                                 PyObject* name) {
  PyObject* const task = spare.task.get();
  if (!enter_task(loop_.object(), task)) return false;
  bool was_in_python = loop_.set_in_python(true);
  spare.runner->begin(coroutine, context, name);
  loop_.set_in_python(was_in_python);
  return leave_task(loop_.object(), task);
}

// Tasks are not stepped within each other; in debug mode asyncio is to see it all.
bool TaskStarter::may_step() const {
  return !loop_.debug() && !(loop_.in_python() && is_task_current(loop_.object()));
}

// A task that waits for a Future costs that Future, a Handle and a step of asyncio's for each thing
// that comes. Here the coroutine goes on at once, while what has come is in the cache, and asyncio
// is left in the belief that the task still waits: for the same Future, if it waits again.
bool TaskStarter::resume(PyObject* task, PyObject* future) {
  if (!may_step()) return false;
  TaskRunner* runner = runner_of_task(task);
  if (runner == nullptr || runner->awaited != future || is_done(future)) return false;
  PyRef alive = PyRef::borrow(reinterpret_cast<PyObject*>(runner));
  if (!enter_task(loop_.object(), task)) {
    PyErr_Clear();
    return false;
  }
  const bool tells_nothing = advance(*runner, task, future);
  if (tells_nothing || is_done(future)) return true;  // done: cancelled by its own step
  if (!PyRef::steal(PyObject_CallMethodOneArg(future, interned.set_result, Py_None))) {
    loop_.report_from_io(PyError::take(), "Exception while a task was woken");
  }
  return true;
}

bool TaskStarter::advance(TaskRunner& runner, PyObject* task, PyObject* future) {
  const bool was_in_python = loop_.set_in_python(true);
  pending_future_ = future;
  const bool waits_again = runner.advance();
  pending_future_ = nullptr;
  loop_.set_in_python(was_in_python);
  if (!leave_task(loop_.object(), task)) {
    loop_.report_from_io(PyError::take(), "Exception at the end of a task's step");
  }
  return waits_again;
}

PyRef TaskStarter::take_pending_future() {
  PyRef future = PyRef::borrow(std::exchange(pending_future_, nullptr));
  return future && !is_done(future.get()) ? std::move(future) : PyRef();
}

// Empty with an error set, or without one if its first step could not be caught.
SpareTask TaskStarter::make_spare() {
  PyRef context = PyRef::steal(PyContext_CopyCurrent());
  if (!context) return {};
  // Nested when making a task starts another one: a finalizer's, for one.
  PyObject* outer_context = std::exchange(expected_context_, context.get());
  PyRef outer_step = std::move(step_);
  SpareTask spare = SpareTask::make(loop_.object(), context.get());
  expected_context_ = outer_context;
  PyRef step = std::exchange(step_, std::move(outer_step));
  if (!spare || !step || !spare.complete(std::move(step))) return {};
  return spare;
}

bool TaskStarter::capture_step(const Call& call) {
  if (call.argument_count != 0 || step_) return false;
  step_ = PyRef::borrow(call.callback);
  expected_context_ = nullptr;
  return true;
}

}  // namespace tricorn
