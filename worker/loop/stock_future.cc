// asyncio.Future: see the header.
#include "worker/loop/stock_future.h"

#include "worker/loop/asyncio_refs.h"
#include "worker/python/interned.h"
#include "worker/python/no_args_method.h"

namespace tricorn {
namespace {

struct FutureMembers {
  NoArgsMethod done;
  PyRef set_result;
  PyRef blocking;                 // _asyncio_future_blocking
  PyGetSetDef* setter = nullptr;  // null: it is no attribute of a type written in C
  PyRef no_arguments;
};
FutureMembers& members = *new FutureMembers;  // outlives the interpreter's end on purpose

}  // namespace

bool load_stock_future() {
  PyObject* type = asyncio_refs.future.get();
  members.set_result = PyRef::steal(PyObject_GetAttr(type, interned.set_result));
  members.blocking = PyRef::steal(PyObject_GetAttr(type, interned.asyncio_future_blocking));
  members.no_arguments = PyRef::steal(PyTuple_New(0));
  if (!members.set_result || !members.blocking || !members.no_arguments) return false;
  if (Py_IS_TYPE(members.blocking.get(), &PyGetSetDescr_Type)) {
    members.setter = reinterpret_cast<PyGetSetDescrObject*>(members.blocking.get())->d_getset;
  }
  return members.done.load(type, "done");
}

PyRef make_stock_future(PyObject* keywords) {
  auto* type = reinterpret_cast<PyTypeObject*>(asyncio_refs.future.get());
  PyObject* none = members.no_arguments.get();
  PyRef future = PyRef::steal(type->tp_new(type, none, keywords));
  const bool made = future && type->tp_init(future.get(), none, keywords) == 0;
  return made ? std::move(future) : PyRef();
}

bool is_future_done(PyObject* future) {
  PyRef done = members.done(future);
  if (!done) PyErr_Clear();
  return done.get() != Py_False;
}

bool mark_future_awaited(PyObject* future) {
  if (members.setter != nullptr) {
    return members.setter->set(future, Py_True, members.setter->closure) == 0;
  }
  return PyObject_SetAttr(future, interned.asyncio_future_blocking, Py_True) == 0;
}

bool complete_stock_future(PyObject* future) {
  PyObject* arguments[] = {future, Py_None};
  return static_cast<bool>(
      PyRef::steal(PyObject_Vectorcall(members.set_result.get(), arguments, 2, nullptr)));
}

}  // namespace tricorn
