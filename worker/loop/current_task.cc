// CurrentTask: see the header.
#include "worker/loop/current_task.h"

#include "worker/loop/asyncio_refs.h"

namespace tricorn {
namespace {

PyObject* current_tasks = nullptr;  // loop -> task, only of tasks in a step; null: not to be had

bool call(const PyRef& function, PyObject* loop, PyObject* task) {
  PyObject* stack[] = {nullptr, loop, task};
  return static_cast<bool>(PyRef::steal(
      PyObject_Vectorcall(function.get(), stack + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr)));
}

bool is_only_current(PyObject* loop, PyObject* task) {
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  return PyDict_GET_SIZE(current_tasks) == 1 &&
         PyDict_Next(current_tasks, &position, &key, &value) != 0 && key == loop && value == task;
}

}  // namespace

bool enter_task(PyObject* loop, PyObject* task) {
  if (current_tasks != nullptr && PyDict_GET_SIZE(current_tasks) == 0) {
    return PyDict_SetItem(current_tasks, loop, task) == 0;
  }
  return call(asyncio_refs.enter_task, loop, task);
}

bool leave_task(PyObject* loop, PyObject* task) {
  if (current_tasks != nullptr && is_only_current(loop, task)) {
    return PyDict_DelItem(current_tasks, loop) == 0;
  }
  return call(asyncio_refs.leave_task, loop, task);
}

PyRef current_task(PyObject* loop) {
  return PyRef::steal(PyObject_CallOneArg(asyncio_refs.current_task.get(), loop));
}

bool is_current_task(PyObject* loop, PyObject* task) {
  if (current_tasks != nullptr && is_only_current(loop, task)) return true;
  PyRef current = current_task(loop);
  if (!current) PyErr_Clear();
  return current.get() == task;
}

// Tried before it is believed.
bool find_current_tasks() {
  PyRef module = PyRef::steal(PyImport_ImportModule("_asyncio"));
  PyRef dict =
      module ? PyRef::steal(PyObject_GetAttrString(module.get(), "_current_tasks")) : PyRef();
  PyErr_Clear();
  if (!dict || !PyDict_CheckExact(dict.get()) || PyDict_GET_SIZE(dict.get()) != 0) return true;
  PyRef probe = PyRef::steal(PyUnicode_FromString("tricorn"));  // stands for a loop and for a task
  if (!probe) return false;
  if (!call(asyncio_refs.enter_task, probe.get(), probe.get())) {
    PyErr_Clear();
    return true;
  }
  current_tasks = dict.get();
  const bool is_it = is_only_current(probe.get(), probe.get());
  if (!is_it) current_tasks = nullptr;
  if (!call(asyncio_refs.leave_task, probe.get(), probe.get())) return false;
  if (is_it) dict.release();  // for good
  return true;
}

}  // namespace tricorn
