// TaskStarter: see the header.
#include "worker/loop/task_starter.h"

#include <utility>

#include "worker/loop/captured_call.h"
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

bool runs_a_task(PyObject* loop) {
  PyRef task = current_task(loop);
  if (!task) PyError::take().unraisable(loop);
  return task && task.get() != Py_None;
}

}  // namespace

bool may_step(const EventLoop& loop) {
  return !loop.debug() && !(loop.in_python() && runs_a_task(loop.object()));
}

PyRef TaskStarter::start(PyObject* coroutine, PyObject* context, PyObject* name) {
  if (loop_.task_factory() != nullptr) {
    return create_task(loop_.object(), coroutine, context, name);
  }
  if (!may_step(loop_)) {
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

// Empty with an error set, or without one if its first step could not be caught.
SpareTask TaskStarter::make_spare() {
  PyRef context = PyRef::steal(PyContext_CopyCurrent());
  if (!context) return {};
  // Nested when making a task starts another one: a finalizer's, for one.
  CapturedCall first(loop_, context.get(), nullptr);
  SpareTask spare = SpareTask::make(loop_.object(), context.get());
  if (!spare || !first || !spare.complete(first.callback())) return {};
  return spare;
}

}  // namespace tricorn
