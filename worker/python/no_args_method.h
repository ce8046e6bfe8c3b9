// NoArgsMethod: a method of a type written in C that takes no arguments (socket.fileno(),
// Future.done()), called as the C function that it is: no attribute is looked up, no call made by
// the interpreter's protocol.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

class NoArgsMethod {
 public:
  // False with an error set.
  bool load(PyObject* type, const char* name) {
    descriptor_ = PyRef::steal(PyObject_GetAttrString(type, name));
    if (!descriptor_) return false;
    if (Py_IS_TYPE(descriptor_.get(), &PyMethodDescr_Type)) {
      const PyMethodDef* definition =
          reinterpret_cast<PyMethodDescrObject*>(descriptor_.get())->d_method;
      if (definition->ml_flags == METH_NOARGS) function_ = definition->ml_meth;
    }
    return true;
  }

  // A new reference, or null with an error set. `self` must be an instance of the type.
  PyRef operator()(PyObject* self) const {
    return PyRef::steal(function_ != nullptr ? function_(self, nullptr)
                                             : PyObject_CallOneArg(descriptor_.get(), self));
  }

 private:
  PyRef descriptor_;
  PyCFunction function_ = nullptr;  // null: it is made in another way
};

}  // namespace tricorn
