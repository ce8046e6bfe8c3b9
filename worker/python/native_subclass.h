// NativeSubclass<T>: a type made in C++ that derives from a class written in Python, as
// asyncio.Transport, so that isinstance() holds. Each instance owns one T and has, like an instance
// of a Python class, a __dict__ and weak references.
//
// T(PyObject* self, ...) keeps `self` borrowed and gives the cycle collector its references:
//   int traverse(visitproc visit, void* arg) const;
//   void clear();        // drops them; the object may still be used afterwards
//   void finalize();     // before it is freed, while it is whole: warn of what was not closed
// None of them leaves an error set.
#pragma once

#include <cstddef>

#include "worker/python/py_error.h"
#include "worker/python/py_type.h"

namespace tricorn {

// Where the parts of an instance are, in bytes: the base's part first.
struct SubclassLayout {
  Py_ssize_t base_size = 0;  // the object's head and the base's __slots__, each a reference
  Py_ssize_t native = 0;
  Py_ssize_t dict = 0;
  Py_ssize_t weak_references = 0;
};

struct SubclassSpec {
  const char* name;  // "tricorn._tricorn.SocketTransport"
  const char* doc;
  PyMethodDef* methods;
  PyGetSetDef* attributes = nullptr;
  reprfunc repr = nullptr;
};

struct SubclassFunctions {
  destructor dealloc;
  traverseproc traverse;
  inquiry clear;
  destructor finalize;
};

// A strong reference, kept for the process's life; null with an error set. `module` may be null.
PyTypeObject* make_subclass(PyObject* module, const SubclassSpec& spec, PyObject* base,
                            const SubclassFunctions& functions, SubclassLayout& layout);

// The references that an instance holds beside its T: the base's slots and the __dict__.
int visit_base_part(PyObject* self, const SubclassLayout& layout, visitproc visit, void* arg);
void clear_base_part(PyObject* self, const SubclassLayout& layout);

template <class T>
class NativeSubclass {
 public:
  // False with an error set.
  static bool make_type(PyObject* module, const SubclassSpec& spec, PyObject* base) {
    type_ = make_subclass(module, spec, base, {dealloc, traverse, clear, finalize}, layout_);
    return type_ != nullptr;
  }

  static PyTypeObject* type() { return type_; }
  static bool is(PyObject* object) { return type_ != nullptr && PyObject_TypeCheck(object, type_); }
  // `self` is an instance.
  static T& of(PyObject* self) { return *place(self); }

  // A new instance, its T made of `arguments`; null with an error set.
  template <class... Arguments>
  static PyRef create(Arguments&&... arguments) {
    PyRef self = PyRef::steal(type_->tp_alloc(type_, 0));
    if (self) place(self.get()) = new T(self.get(), std::forward<Arguments>(arguments)...);
    return self;
  }

 private:
  static T*& place(PyObject* self) {
    return *reinterpret_cast<T**>(reinterpret_cast<char*>(self) + layout_.native);
  }

  // A T's end runs Python code; an exception that is on its way must survive it.
  template <class Deed>
  static void keeping_error(Deed&& deed) {
    if (PyErr_Occurred() == nullptr) return deed();
    PyError error = PyError::take();
    deed();
    std::move(error).restore();
  }

  static void finalize(PyObject* self) {
    if (place(self) != nullptr) keeping_error([&] { of(self).finalize(); });
  }

  static void dealloc(PyObject* self) {
    if (PyObject_CallFinalizerFromDealloc(self) < 0) return;  // it lives on
    PyObject_GC_UnTrack(self);
    keeping_error([&] {
      PyObject_ClearWeakRefs(self);
      delete std::exchange(place(self), nullptr);
      clear_base_part(self, layout_);
    });
    free_object(self);
  }

  static int traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    if (int stop = visit_base_part(self, layout_, visit, arg)) return stop;
    return place(self) == nullptr ? 0 : of(self).traverse(visit, arg);
  }

  static int clear(PyObject* self) {
    clear_base_part(self, layout_);
    if (place(self) != nullptr) of(self).clear();
    return 0;
  }

  static inline PyTypeObject* type_ = nullptr;
  static inline SubclassLayout layout_;
};

}  // namespace tricorn
