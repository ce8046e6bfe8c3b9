// TrackedPool<T>: ObjectPool for a heap type that the cycle collector tracks. T is a struct of
// PyObject_HEAD and `Body body`; the body is constructed by make() and destroyed by free().
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "worker/python/py_type.h"

namespace tricorn {

template <class T, size_t kKept = 256>
class TrackedPool {
 public:
  // A new reference to an object that is not tracked yet, its body as its default constructor
  // leaves it; null with MemoryError set.
  T* make(PyTypeObject* type) {
    T* object = nullptr;
    if (kept_count_ > 0) {
      object = kept_[--kept_count_];
      PyObject_Init(reinterpret_cast<PyObject*>(object), type);
    } else {
      object = PyObject_GC_New(T, type);
      if (object == nullptr) return nullptr;
    }
    new (&object->body) typename T::Body();
    return object;
  }

  // For tp_dealloc, after PyObject_GC_UnTrack.
  void free(T* object) {
    PyTypeObject* type = Py_TYPE(reinterpret_cast<PyObject*>(object));
    std::destroy_at(&object->body);
    if (kPoolsKeep && kept_count_ < kKept) {
      kept_[kept_count_++] = object;
    } else {
      PyObject_GC_Del(object);
    }
    Py_DECREF(type);  // a heap type is referenced by its instances
  }

 private:
  T* kept_[kKept];
  size_t kept_count_ = 0;
};

}  // namespace tricorn
