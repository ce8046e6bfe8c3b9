// RequestTask: see the header.
#include "worker/loop/request_task.h"

#include <array>
#include <vector>

#include "worker/loop/asyncio_refs.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

PyTypeObject* task_type = nullptr;
PyObject* base_coro = nullptr;      // asyncio.Task._coro, the descriptor
PyObject* unnamed = nullptr;        // given to the base, which would number its tasks otherwise
PyObject* task_keywords = nullptr;  // ("loop", "name", "context")

PyRef call_type(PyObject* type, PyObject* loop, PyObject* coroutine, PyObject* context,
                PyObject* name) {
  PyObject* stack[] = {nullptr, coroutine, loop, name == nullptr ? Py_None : name,
                       context == nullptr ? Py_None : context};
  return PyRef::steal(
      PyObject_Vectorcall(type, stack + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, task_keywords));
}

PyRef coroutine_of(PyObject* self) {
  return PyRef::steal(Py_TYPE(base_coro)->tp_descr_get(base_coro, self, nullptr));
}

// The task's runner, which it keeps alive; null when the cycle collector has taken the task apart.
TaskRunner* runner_of(PyObject* self) {
  PyRef coroutine = coroutine_of(self);
  if (!coroutine) PyErr_Clear();
  return coroutine ? as_task_runner(coroutine.get()) : nullptr;
}

void touch(PyObject* self) {
  if (TaskRunner* runner = runner_of(self)) runner->touched = true;
}

// --- Methods of asyncio.Task that leave something behind

constexpr std::array<const char*, 4> kTouching = {"add_done_callback", "cancel", "uncancel",
                                                  "set_name"};
std::array<PyObject*, kTouching.size()> base_methods;
PyObject* base_done = nullptr;
PyObject* base_get_name = nullptr;

template <size_t kIndex>
PyObject* touching(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  touch(self);
  const size_t values =
      static_cast<size_t>(count) + (keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords));
  std::vector<PyObject*> all(args, args + values);
  all.insert(all.begin(), self);
  return PyObject_Vectorcall(base_methods[kIndex], all.data(), static_cast<size_t>(count) + 1,
                             keywords);
}

int set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  touch(self);
  return PyObject_GenericSetAttr(self, name, value);
}

// --- What the base would answer for the runner

PyObject* done(PyObject* self, PyObject*) {
  TaskRunner* runner = runner_of(self);
  if (runner != nullptr && !runner->coroutine) Py_RETURN_TRUE;  // waits for one
  return PyObject_CallOneArg(base_done, self);
}

PyObject* get_name(PyObject* self, PyObject*) {
  TaskRunner* runner = runner_of(self);
  PyRef name = PyRef::steal(PyObject_CallOneArg(base_get_name, self));
  bool is_given = name && name.get() != unnamed;
  if (!is_given && runner != nullptr && runner->name) return runner->name.clone().release();
  return name.release();
}

PyObject* get_coro(PyObject* self, PyObject*) {
  TaskRunner* runner = runner_of(self);
  if (runner != nullptr && runner->coroutine) return runner->coroutine.clone().release();
  return coroutine_of(self).release();
}

PyObject* coro_property(PyObject* self, void*) { return get_coro(self, nullptr); }

PyObject* get_context(PyObject* self, PyObject*) {
  TaskRunner* runner = runner_of(self);
  return (runner != nullptr && runner->context ? runner->context.clone() : PyRef::none()).release();
}

PyObject* weak_references(PyObject* task) {
  const Py_ssize_t offset = Py_TYPE(task)->tp_weaklistoffset;
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(task) + offset);
}

bool is_only_weak_reference(PyObject* reference) {
  return reinterpret_cast<PyWeakReference*>(reference)->wr_next == nullptr;
}

bool find_base() {
  PyObject* base = asyncio_refs.task.get();
  unnamed = PyUnicode_FromString("request");  // not interned: nobody else's
  task_keywords = PyTuple_Pack(3, interned.loop, interned.name, interned.context);
  base_coro = PyObject_GetAttrString(base, "_coro");
  base_done = PyObject_GetAttrString(base, "done");
  base_get_name = PyObject_GetAttrString(base, "get_name");
  for (size_t i = 0; i < kTouching.size(); ++i) {
    base_methods[i] = PyObject_GetAttrString(base, kTouching[i]);
    if (base_methods[i] == nullptr) return false;
  }
  return unnamed != nullptr && task_keywords != nullptr && base_coro != nullptr &&
         base_done != nullptr && base_get_name != nullptr;
}

}  // namespace

PyRef make_task(PyObject* loop, PyObject* coroutine, PyObject* context, PyObject* name) {
  static PyObject* const kTask = PyUnicode_InternFromString("Task");
  PyObject* type = PyDict_GetItemWithError(asyncio_refs.tasks.get(), kTask);
  if (type != nullptr) return call_type(type, loop, coroutine, context, name);
  if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_AttributeError, "asyncio.tasks.Task");
  return {};
}

TaskRunner* runner_of_task(PyObject* task) {
  return Py_IS_TYPE(task, task_type) ? runner_of(task) : nullptr;
}

SpareTask SpareTask::make(PyObject* loop, PyObject* context) {
  TaskRunner* runner = make_task_runner();
  PyRef coroutine = PyRef::steal(reinterpret_cast<PyObject*>(runner));
  if (!coroutine) return {};
  SpareTask spare;
  spare.context = PyRef::borrow(context);
  runner->task_context = PyRef::borrow(context);
  spare.task =
      call_type(reinterpret_cast<PyObject*>(task_type), loop, coroutine.get(), context, unnamed);
  spare.runner = runner;
  return spare;
}

bool SpareTask::complete(PyRef caught_step) {
  step = std::move(caught_step);
  if (PyObject_SetAttrString(task.get(), "_log_destroy_pending", Py_False) < 0) return false;
  references = Py_REFCNT(task.get());
  weak_reference = weak_references(task.get());
  runner->touched = false;
  return true;
}

bool SpareTask::is_as_new() const {
  return !runner->touched && Py_REFCNT(task.get()) == references &&
         weak_references(task.get()) == weak_reference &&
         (weak_reference == nullptr || is_only_weak_reference(weak_reference));
}

bool add_request_task_type() {
  if (!add_task_runner_type() || !find_base()) return false;
  static PyMethodDef methods[] = {
      {kTouching[0], method(touching<0>), METH_FASTCALL | METH_KEYWORDS, nullptr},
      {kTouching[1], method(touching<1>), METH_FASTCALL | METH_KEYWORDS, nullptr},
      {kTouching[2], method(touching<2>), METH_FASTCALL | METH_KEYWORDS, nullptr},
      {kTouching[3], method(touching<3>), METH_FASTCALL | METH_KEYWORDS, nullptr},
      {"done", done, METH_NOARGS, nullptr},
      {"get_name", get_name, METH_NOARGS, nullptr},
      {"get_coro", get_coro, METH_NOARGS, nullptr},
      {"get_context", get_context, METH_NOARGS, nullptr},
      {}};
  static PyGetSetDef properties[] = {{"_coro", coro_property, nullptr, nullptr, nullptr}, {}};
  static PyType_Slot slots[] = {{Py_tp_methods, methods},
                                {Py_tp_getset, properties},
                                {Py_tp_setattro, slot(set_attribute)},
                                {0, nullptr}};
  static PyType_Spec spec = {"tricorn._tricorn.Task", 0, 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
  task_type = make_type(nullptr, &spec, asyncio_refs.task.get());
  return task_type != nullptr;
}

}  // namespace tricorn
