// CallArguments: see the header.
#include "worker/loop/call.h"

#include <utility>

#include "worker/python/py_error.h"

namespace tricorn {

bool CallArguments::assign(PyObject* const* arguments, size_t count) {
  if (count > kInline) {
    auto* slots = static_cast<PyObject**>(PyMem_Malloc((1 + count) * sizeof(PyObject*)));
    if (slots == nullptr) {
      PyErr_NoMemory();
      return false;
    }
    slots_ = slots;
  }
  for (size_t i = 0; i < count; ++i) first()[i] = Py_NewRef(arguments[i]);
  count_ = count;
  return true;
}

void CallArguments::clear() {
  // Dropping a reference may run Python code that comes back here: nothing is left to find.
  std::array<PyObject*, 1 + kInline> few;
  PyObject** slots = slots_;
  size_t count = count_;
  count_ = 0;
  if (slots == inline_.data()) {
    if (count == 0) return;
    few = inline_;
    slots = few.data();
  } else {
    slots_ = inline_.data();
  }
  for (size_t i = 0; i < count; ++i) PyRef::steal(slots[1 + i]);
  if (slots != few.data()) PyMem_Free(slots);
}

PyRef CallArguments::as_tuple() const {
  PyRef tuple = PyRef::steal(PyTuple_New(static_cast<Py_ssize_t>(count_)));
  if (!tuple) return {};
  for (size_t i = 0; i < count_; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(first()[i]));
  return tuple;
}

void exit_context(PyObject* context) {
  if (PyErr_Occurred() == nullptr) {
    if (PyContext_Exit(context) < 0) PyError::take().unraisable(context);
    return;
  }
  PyError error = PyError::take();
  if (PyContext_Exit(context) < 0) PyErr_Clear();
  std::move(error).restore();
}

PyRef call_in_context(PyObject* context, PyObject* callback, PyObject* const* arguments,
                      size_t nargsf) {
  if (PyContext_Enter(context) < 0) return {};
  PyRef result = PyRef::steal(PyObject_Vectorcall(callback, arguments, nargsf, nullptr));
  exit_context(context);
  return result;
}

}  // namespace tricorn
