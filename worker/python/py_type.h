// Helpers for our own Python types: making them, and pools for objects that come and go with every
// request.
#pragma once

#include <cstddef>
#include <new>

#include "worker/python/py_ref.h"

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY READONLY
#endif

namespace tricorn {

// Makes the heap type of `spec` and, when `module` is not null, adds it there under its last name
// component. Returns a strong reference that the caller keeps for the process's life, or null with
// an error set.
PyTypeObject* make_type(PyObject* module, PyType_Spec* spec, PyObject* base = nullptr);

// Defines a slot function without casts at the use.
template <class Function>
void* slot(Function* function) {
  return reinterpret_cast<void*>(function);
}

// The same for PyMethodDef, whatever the method's calling convention.
template <class Function>
PyCFunction method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kPoolsKeep = false;  // a use after free must be seen
#else
inline constexpr bool kPoolsKeep = true;
#endif

// For tp_dealloc of a heap type without a pool: frees the memory of an object whose C++ members are
// destroyed.
inline void free_object(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  type->tp_free(object);
  Py_DECREF(type);  // a heap type is referenced by its instances
}

// ObjectPool<T>: allocation for a heap type that is not tracked by the cycle collector. T begins
// with PyObject_HEAD and has C++ members, which are constructed by make() and destroyed by free().
// Freed memory is kept for the next object.
template <class T, size_t kKept = 256>
class ObjectPool {
 public:
  // A new reference, or null with MemoryError set.
  T* make(PyTypeObject* type) {
    void* memory = kept_count_ > 0 ? kept_[--kept_count_] : PyObject_Malloc(sizeof(T));
    if (memory == nullptr) {
      PyErr_NoMemory();
      return nullptr;
    }
    T* object = new (memory) T();
    PyObject_Init(reinterpret_cast<PyObject*>(object), type);
    return object;
  }

  // For tp_dealloc.
  void free(T* object) {
    PyTypeObject* type = Py_TYPE(reinterpret_cast<PyObject*>(object));
    object->~T();
    if (kPoolsKeep && kept_count_ < kKept) {
      kept_[kept_count_++] = object;
    } else {
      PyObject_Free(object);
    }
    Py_DECREF(type);  // a heap type is referenced by its instances
  }

 private:
  void* kept_[kKept];
  size_t kept_count_ = 0;
};

}  // namespace tricorn
