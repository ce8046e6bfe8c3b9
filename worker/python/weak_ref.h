// Weak references.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// Whether `weak` (a weakref.ref, or null) refers to `object`, which is alive.
inline bool refers_to(const PyRef& weak, PyObject* object) {
  if (!weak) return false;
#if PY_VERSION_HEX >= 0x030D0000
  PyObject* target = nullptr;
  PyWeakref_GetRef(weak.get(), &target);
  return PyRef::steal(target).get() == object;
#else
  return PyWeakref_GET_OBJECT(weak.get()) == object;
#endif
}

}  // namespace tricorn
