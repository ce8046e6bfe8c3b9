// ReadyAwaitable: see the header.
#include "worker/asyncio/ready_awaitable.h"

#include "worker/python/awaitable.h"
#include "worker/python/tracked_pool.h"

namespace tricorn {
namespace {

struct ReadyAwaitable {
  struct Body {
    PyRef result;  // null: it was awaited
    const char* name = nullptr;
  };

  PyObject_HEAD;
  Body body;

  // --- AwaitableSlots
  static PySendResult resume(ReadyAwaitable* self, PyObject*, PyObject** result) {
    *result = self->body.result.release();
    if (*result != nullptr) return PYGEN_RETURN;
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return PYGEN_ERROR;
  }
  static PySendResult raise(ReadyAwaitable* self, PyObject* exception, PyObject** result) {
    close(self);
    return raise_instance(exception, result);
  }
  static void close(ReadyAwaitable* self) { self->body.result.reset(); }
};

PyTypeObject* awaitable_type = nullptr;
TrackedPool<ReadyAwaitable, 32> pool;

ReadyAwaitable* of(PyObject* self) { return reinterpret_cast<ReadyAwaitable*>(self); }

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  pool.free(of(self));
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return of(self)->body.result.traverse(visit, arg);
}

int clear(PyObject* self) {
  of(self)->body.result.reset();
  return 0;
}

PyObject* name_attribute(PyObject* self, void*) {
  return PyUnicode_FromString(of(self)->body.name);
}

PyGetSetDef attributes[] = {{"__name__", name_attribute, nullptr, nullptr, nullptr},
                            {"__qualname__", name_attribute, nullptr, nullptr, nullptr},
                            {}};

}  // namespace

PyRef make_ready_awaitable(PyRef result, const char* name) {
  if (!result) return {};
  ReadyAwaitable* awaitable = pool.make(awaitable_type);
  if (awaitable == nullptr) return {};
  awaitable->body.result = std::move(result);
  awaitable->body.name = name;
  PyObject_GC_Track(awaitable);
  return PyRef::steal(reinterpret_cast<PyObject*>(awaitable));
}

bool add_ready_awaitable_type() {
  using Slots = AwaitableSlots<ReadyAwaitable>;
  static PyMethodDef methods[] = {Slots::send_def, Slots::throw_def, Slots::close_def, {}};
  static PyType_Slot slots[] = {{Py_tp_dealloc, slot(dealloc)},
                                {Py_tp_traverse, slot(traverse)},
                                {Py_tp_clear, slot(clear)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, attributes},
                                {Py_tp_iter, slot(PyObject_SelfIter)},
                                {Py_tp_iternext, slot(Slots::iternext)},
                                {Py_am_await, slot(Slots::await)},
                                {Py_am_send, slot(Slots::send)},
                                {0, nullptr}};
  static PyType_Spec spec = {"tricorn._tricorn.ReadyAwaitable", sizeof(ReadyAwaitable), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                                 Py_TPFLAGS_DISALLOW_INSTANTIATION,
                             slots};
  awaitable_type = make_type(nullptr, &spec);
  return awaitable_type != nullptr;
}

}  // namespace tricorn
