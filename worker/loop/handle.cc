// Handle and TimerHandle: life, and their Python face.
#include "worker/loop/handle.h"

#include <structmember.h>

#include "worker/loop/asyncio_refs.h"
#include "worker/loop/event_loop.h"
#include "worker/python/py_error.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

ObjectPool<Handle> pool;
PyTypeObject* handle_type = nullptr;
PyTypeObject* timer_handle_type = nullptr;

Handle* of(PyObject* object) { return reinterpret_cast<Handle*>(object); }

void dealloc(PyObject* self) {
  if (of(self)->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  pool.free(of(self));
}

// In debug mode: the caller's stack, as asyncio records it.
bool record_origin(Handle& handle) {
  PyObject* frame = reinterpret_cast<PyObject*>(PyEval_GetFrame());
  if (frame == nullptr) return true;
  handle.source_traceback =
      PyRef::steal(PyObject_CallOneArg(asyncio_refs.extract_stack.get(), frame));
  return static_cast<bool>(handle.source_traceback);
}

PyRef make(PyTypeObject* type, EventLoop& loop, const Call& call) {
  PyRef ref = PyRef::steal(reinterpret_cast<PyObject*>(pool.make(type)));
  if (!ref) return {};
  Handle& handle = as_handle(ref);
  if (!handle.context.assign(call.context)) return {};
  handle.callback = PyRef::borrow(call.callback);
  if (!handle.arguments.assign(call.arguments, call.argument_count)) return {};
  if (loop.debug() && !record_origin(handle)) return {};
  handle.loop = &loop;
  return ref;
}

// " created at file:line" of the frame that made the handle; "" when not recorded.
PyRef describe_origin(const Handle& handle) {
  if (!handle.source_traceback || PySequence_Size(handle.source_traceback.get()) < 1) {
    PyErr_Clear();
    return PyRef::steal(PyUnicode_FromString(""));
  }
  PyRef frame = PyRef::steal(PySequence_GetItem(handle.source_traceback.get(), -1));
  if (!frame) return {};
  PyRef file = PyRef::steal(PySequence_GetItem(frame.get(), 0));
  PyRef line = PyRef::steal(PySequence_GetItem(frame.get(), 1));
  if (!file || !line) return {};
  return PyRef::steal(PyUnicode_FromFormat(" created at %S:%S", file.get(), line.get()));
}

PyObject* repr(PyObject* self) {
  Handle& handle = *of(self);
  if (handle.cancelled_repr) return handle.cancelled_repr.clone().release();
  PyRef when = PyRef::steal(handle.is_timer ? PyFloat_FromDouble(handle.when) : Py_NewRef(Py_None));
  PyRef callback = handle.callback ? handle.describe() : PyRef::steal(PyUnicode_FromString(""));
  PyRef origin = describe_origin(handle);
  if (!when || !callback || !origin) return nullptr;
  const char* cancelled = handle.cancelled ? " cancelled" : "";
  const char* space = handle.callback ? " " : "";
  if (!handle.is_timer) {
    return PyUnicode_FromFormat("<Handle%s%s%U%U>", cancelled, space, callback.get(), origin.get());
  }
  return PyUnicode_FromFormat("<TimerHandle%s when=%R%s%U%U>", cancelled, when.get(), space,
                              callback.get(), origin.get());
}

PyObject* cancel_method(PyObject* self, PyObject*) {
  of(self)->cancel();
  Py_RETURN_NONE;
}

PyObject* cancelled_method(PyObject* self, PyObject*) {
  return PyBool_FromLong(of(self)->cancelled);
}
PyObject* when_method(PyObject* self, PyObject*) { return PyFloat_FromDouble(of(self)->when); }

PyObject* value_or_none(PyObject* value) { return Py_NewRef(value != nullptr ? value : Py_None); }
PyObject* context_method(PyObject* self, PyObject*) {
  return value_or_none(of(self)->context.use());
}
PyObject* callback_attribute(PyObject* self, void*) {
  return value_or_none(of(self)->callback.get());
}
PyObject* context_attribute(PyObject* self, void*) {
  return value_or_none(of(self)->context.use());
}
PyObject* origin_attribute(PyObject* self, void*) {
  return value_or_none(of(self)->source_traceback.get());
}
PyObject* arguments_attribute(PyObject* self, void*) {
  return of(self)->callback ? of(self)->arguments.as_tuple().release() : Py_NewRef(Py_None);
}

// asyncio's equality: the same call at the same time. 1, 0, or -1 with an error set.
int equal(Handle& left, Handle& right) {
  if (&left == &right) return 1;
  if (left.when != right.when || left.cancelled != right.cancelled) return 0;
  if (!left.callback || !right.callback) return !left.callback && !right.callback;
  int same = PyObject_RichCompareBool(left.callback.get(), right.callback.get(), Py_EQ);
  if (same != 1) return same;
  PyRef left_arguments = left.arguments.as_tuple();
  PyRef right_arguments = right.arguments.as_tuple();
  if (!left_arguments || !right_arguments) return -1;
  return PyObject_RichCompareBool(left_arguments.get(), right_arguments.get(), Py_EQ);
}

PyObject* compare(PyObject* self, PyObject* other, int operation) {
  if (!Py_IS_TYPE(other, timer_handle_type)) Py_RETURN_NOTIMPLEMENTED;
  if (operation == Py_EQ || operation == Py_NE) {
    int same = equal(*of(self), *of(other));
    return same < 0 ? nullptr : PyBool_FromLong((operation == Py_EQ) == (same == 1));
  }
  double left = of(self)->when;
  double right = of(other)->when;
  Py_RETURN_RICHCOMPARE(left, right, operation);
}

Py_hash_t hash(PyObject* self) {
  PyRef when = PyRef::steal(PyFloat_FromDouble(of(self)->when));
  return when ? PyObject_Hash(when.get()) : -1;
}

PyMethodDef handle_methods[] = {
    {"cancel", cancel_method, METH_NOARGS, "Do not run the callback. Does nothing once it ran."},
    {"cancelled", cancelled_method, METH_NOARGS, "Whether cancel() was called."},
    {"get_context", context_method, METH_NOARGS, "The contextvars.Context of the callback."},
    {}};

PyMethodDef timer_handle_methods[] = {
    handle_methods[0],
    handle_methods[1],
    handle_methods[2],
    {"when", when_method, METH_NOARGS, "The due time, by the clock of loop.time()."},
    {}};

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Handle, weak_references), READONLY, nullptr},
    {"_cancelled", T_BOOL, offsetof(Handle, cancelled), READONLY, nullptr},
    {"_scheduled", T_BOOL, offsetof(Handle, in_heap), READONLY, nullptr},
    {}};

PyMemberDef timer_members[] = {members[0],
                               members[1],
                               members[2],
                               {"_when", T_DOUBLE, offsetof(Handle, when), READONLY, nullptr},
                               {}};

PyGetSetDef attributes[] = {{"_callback", callback_attribute, nullptr, nullptr, nullptr},
                            {"_args", arguments_attribute, nullptr, nullptr, nullptr},
                            {"_context", context_attribute, nullptr, nullptr, nullptr},
                            {"_source_traceback", origin_attribute, nullptr, nullptr, nullptr},
                            {}};

PyType_Slot handle_slots[] = {{Py_tp_dealloc, slot(dealloc)},  {Py_tp_repr, slot(repr)},
                              {Py_tp_methods, handle_methods}, {Py_tp_members, members},
                              {Py_tp_getset, attributes},      {}};

PyType_Slot timer_handle_slots[] = {{Py_tp_dealloc, slot(dealloc)},
                                    {Py_tp_repr, slot(repr)},
                                    {Py_tp_richcompare, slot(compare)},
                                    {Py_tp_hash, slot(hash)},
                                    {Py_tp_methods, timer_handle_methods},
                                    {Py_tp_members, timer_members},
                                    {Py_tp_getset, attributes},
                                    {}};

constexpr unsigned kFlags =
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION;
PyType_Spec handle_spec = {"tricorn._tricorn.Handle", sizeof(Handle), 0, kFlags, handle_slots};
PyType_Spec timer_handle_spec = {"tricorn._tricorn.TimerHandle", sizeof(Handle), 0, kFlags,
                                 timer_handle_slots};

}  // namespace

PyRef Handle::describe() const {
  PyRef tuple = arguments.as_tuple();
  if (!tuple) return {};
  return describe_call(callback.get(), tuple.get(), loop != nullptr && loop->debug());
}

void Handle::drop_call() {
  if (running) return;
  callback.reset();
  arguments.clear();
  context.reset();
}

void Handle::detach() {
  loop = nullptr;
  in_heap = false;
  drop_call();
}

void Handle::cancel() {
  if (cancelled) return;
  cancelled = true;
  if (loop != nullptr) {
    if (in_heap) loop->note_timer_cancelled();
    if (loop->debug()) {
      cancelled_repr = PyRef::steal(repr(object()));
      if (!cancelled_repr) PyError::take().unraisable(callback.get());
    }
  }
  drop_call();
}

PyRef make_handle(EventLoop& loop, const Call& call) { return make(handle_type, loop, call); }

PyRef make_native_handle(EventLoop& loop, NativeCall native, PyObject* owner, PyObject* context) {
  Call call;
  call.callback = owner;
  call.context = context;
  PyRef ref = make(handle_type, loop, call);
  if (ref) as_handle(ref).native = native;
  return ref;
}

PyRef make_timer_handle(EventLoop& loop, const Call& call, double when) {
  PyRef ref = make(timer_handle_type, loop, call);
  if (!ref) return {};
  as_handle(ref).is_timer = true;
  as_handle(ref).when = when;
  return ref;
}

int visit_handle(const PyRef& ref, visitproc visit, void* arg) {
  // Somebody else holds it too: then its fields are alive for another reason.
  if (Py_REFCNT(ref.get()) != 1) return 0;
  Handle& handle = as_handle(ref);
  if (int stop = handle.callback.traverse(visit, arg)) return stop;
  if (int stop = handle.context.traverse(visit, arg)) return stop;
  for (size_t i = 0; i < handle.arguments.count(); ++i) Py_VISIT(handle.arguments.first()[i]);
  return 0;
}

bool add_handle_types(PyObject* module) {
  handle_type = make_type(module, &handle_spec);
  timer_handle_type = handle_type == nullptr ? nullptr : make_type(module, &timer_handle_spec);
  return timer_handle_type != nullptr;
}

}  // namespace tricorn
