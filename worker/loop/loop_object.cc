// LoopObject: life of _tricorn.Loop, and the state that asyncio's Python code sees as attributes.
#include "worker/loop/loop_object.h"

#include <cerrno>
#include <string>

#include "worker/loop/asyncio_refs.h"
#include "worker/loop/current_task.h"
#include "worker/loop/loop_types.h"
#include "worker/loop/request_task.h"
#include "worker/loop/stock_future.h"
#include "worker/loop/task_registry.h"
#include "worker/python/py_type.h"

namespace tricorn {

PyTypeObject* base_loop_type = nullptr;

namespace {

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
  PyRef self = PyRef::steal(type->tp_alloc(type, 0));
  if (!self) return nullptr;
  auto* object = reinterpret_cast<LoopObject*>(self.get());
  object->loop = new EventLoop(self.get());
  if (int error = object->loop->open(); error < 0) {
    object->loop->close();  // asyncio's finalizer would
    errno = -error;
    return PyErr_SetFromErrno(PyExc_OSError);
  }
  return self.release();
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  EventLoop* loop = reinterpret_cast<LoopObject*>(self)->loop;
  return loop == nullptr ? 0 : loop->visit(visit, arg);
}

int clear(PyObject* self) {
  EventLoop& loop = event_loop_of(self);
  loop.clear_schedule();
  loop.set_task_factory({});
  loop.set_current_handle({});
  return 0;
}

// Closing runs Python code; an exception that is on its way must survive it.
void destroy(EventLoop* loop) {
  if (PyErr_Occurred() == nullptr) {
    delete loop;
    return;
  }
  PyError error = PyError::take();
  delete loop;
  std::move(error).restore();
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyTypeObject* type = Py_TYPE(self);
  destroy(reinterpret_cast<LoopObject*>(self)->loop);
  type->tp_free(self);
  PyRef::steal(reinterpret_cast<PyObject*>(type));
}

PyObject* or_none(PyObject* object) { return Py_NewRef(object == nullptr ? Py_None : object); }

// Setters: asyncio's code assigns these. Deleting one is an error.
int set_flag(PyObject* self, PyObject* value, void (EventLoop::*set)(bool)) {
  int flag = value == nullptr ? -1 : PyObject_IsTrue(value);
  if (flag >= 0) {
    (event_loop_of(self).*set)(flag == 1);
    return 0;
  }
  if (value == nullptr) PyErr_SetString(PyExc_AttributeError, "cannot be deleted");
  return -1;
}

PyObject* get_closed(PyObject* self, void*) {
  return PyBool_FromLong(event_loop_of(self).closed());
}
int set_closed(PyObject* self, PyObject* value, void*) {
  return set_flag(self, value, &EventLoop::set_closed);
}
PyObject* get_stopping(PyObject* self, void*) {
  return PyBool_FromLong(event_loop_of(self).stopping());
}
int set_stopping(PyObject* self, PyObject* value, void*) {
  return set_flag(self, value, &EventLoop::set_stopping);
}
PyObject* get_debug(PyObject* self, void*) { return PyBool_FromLong(event_loop_of(self).debug()); }
int set_debug(PyObject* self, PyObject* value, void*) {
  return set_flag(self, value, &EventLoop::set_debug);
}

PyObject* get_thread_id(PyObject* self, void*) {
  unsigned long id = event_loop_of(self).thread_id();
  return id == 0 ? Py_NewRef(Py_None) : PyLong_FromUnsignedLong(id);
}
int set_thread_id(PyObject* self, PyObject* value, void*) {
  unsigned long id = 0;
  if (value != nullptr && value != Py_None) id = PyLong_AsUnsignedLong(value);
  if (PyErr_Occurred() != nullptr) return -1;
  event_loop_of(self).set_thread_id(id);
  return 0;
}

PyObject* get_task_factory(PyObject* self, void*) {
  return or_none(event_loop_of(self).task_factory());
}
int set_task_factory(PyObject* self, PyObject* value, void*) {
  bool none = value == nullptr || value == Py_None;
  event_loop_of(self).set_task_factory(none ? PyRef() : PyRef::borrow(value));
  return 0;
}

PyObject* get_current_handle(PyObject* self, void*) {
  return or_none(event_loop_of(self).current_handle());
}
int set_current_handle(PyObject* self, PyObject* value, void*) {
  bool none = value == nullptr || value == Py_None;
  event_loop_of(self).set_current_handle(none ? PyRef() : PyRef::borrow(value));
  return 0;
}

PyType_Slot slots[] = {{Py_tp_new, slot(make)},
                       {Py_tp_dealloc, slot(dealloc)},
                       {Py_tp_traverse, slot(traverse)},
                       {Py_tp_clear, slot(clear)},
                       {Py_tp_methods, loop_methods},
                       {Py_tp_getset, loop_attributes},
                       {Py_tp_doc, const_cast<char*>("The native part of tricorn.Loop.")},
                       {}};
PyType_Spec spec = {"tricorn._tricorn.BaseLoop", sizeof(LoopObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

PyGetSetDef loop_attributes[] = {
    {"_closed", get_closed, set_closed, nullptr, nullptr},
    {"_stopping", get_stopping, set_stopping, nullptr, nullptr},
    {"_debug", get_debug, set_debug, nullptr, nullptr},
    {"_thread_id", get_thread_id, set_thread_id, nullptr, nullptr},
    {"_task_factory", get_task_factory, set_task_factory, nullptr, nullptr},
    {"_current_handle", get_current_handle, set_current_handle, nullptr, nullptr},
    {}};

EventLoop* event_loop_from(PyObject* loop) {
  if (PyObject_TypeCheck(loop, base_loop_type)) return &event_loop_of(loop);
  PyErr_Format(PyExc_TypeError, "a tricorn.Loop is needed, not %s", type_name(loop).c_str());
  return nullptr;
}

LoopApi* LoopApi::of(PyObject* loop) { return event_loop_from(loop); }

bool add_loop_types(PyObject* module) {
  if (!load_asyncio_refs() || !load_stock_future() || !find_current_tasks() ||
      !speed_up_task_registry() || !add_request_task_type() || !add_handle_types(module)) {
    return false;
  }
  base_loop_type = make_type(module, &spec);
  return base_loop_type != nullptr;
}

}  // namespace tricorn
