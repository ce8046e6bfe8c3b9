// Python's methods and attributes that all kinds of transports have, for the tables of their types:
// templates over the C++ class.
#pragma once

#include "worker/asyncio/transport_core.h"
#include "worker/asyncio/water_marks.h"
#include "worker/asyncio/writing_transport.h"

namespace tricorn {

// T: a TransportCore.
template <class T>
struct TransportMethods {
  static T& of(PyObject* self) { return NativeSubclass<T>::of(self); }

  static PyObject* close(PyObject* self, PyObject*) {
    of(self).close();
    Py_RETURN_NONE;
  }
  static PyObject* abort(PyObject* self, PyObject*) {
    of(self).abort({});
    Py_RETURN_NONE;
  }
  static PyObject* is_closing(PyObject* self, PyObject*) {
    return PyBool_FromLong(of(self).is_closing());
  }
  static PyObject* get_protocol(PyObject* self, PyObject*) { return of(self).protocol().release(); }
  static PyObject* set_protocol(PyObject* self, PyObject* protocol) {
    of(self).set_protocol(PyRef::borrow(protocol));
    Py_RETURN_NONE;
  }
  static PyObject* get_extra_info(PyObject* self, PyObject* args, PyObject* keywords) {
    static const char* names[] = {"name", "default", nullptr};
    PyObject* name = nullptr;
    PyObject* missing = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O", const_cast<char**>(names), &name,
                                     &missing)) {
      return nullptr;
    }
    return of(self).extra_info(name, missing).release();
  }
  static PyObject* repr(PyObject* self) { return of(self).repr().release(); }

  static PyObject* get_file(PyObject* self, void*) { return of(self).file().release(); }
  static PyObject* get_loop(PyObject* self, void*) { return Py_NewRef(of(self).loop_object()); }
};

// T: one that reads.
template <class T>
struct ReadingMethods {
  static T& of(PyObject* self) { return NativeSubclass<T>::of(self); }

  static PyObject* is_reading(PyObject* self, PyObject*) {
    return PyBool_FromLong(of(self).is_reading());
  }
  static PyObject* pause_reading(PyObject* self, PyObject*) {
    of(self).pause_reading();
    Py_RETURN_NONE;
  }
  static PyObject* resume_reading(PyObject* self, PyObject*) {
    of(self).resume_reading();
    Py_RETURN_NONE;
  }
};

// T: a WritingTransport.
template <class T>
struct WritingMethods {
  static T& of(PyObject* self) { return NativeSubclass<T>::of(self); }

  static PyObject* set_limits(PyObject* self, PyObject* args, PyObject* keywords) {
    size_t high = 0;
    size_t low = 0;
    if (!parse_water_marks(args, keywords, high, low)) return nullptr;
    of(self).set_limits(high, low);
    Py_RETURN_NONE;
  }
  static PyObject* get_limits(PyObject* self, PyObject*) {
    const WriteLimits& limits = of(self).limits();
    return Py_BuildValue("(nn)", limits.low(), limits.high());
  }
  static PyObject* get_buffer_size(PyObject* self, PyObject*) {
    return PyLong_FromSize_t(of(self).write_buffer_size());
  }
};

}  // namespace tricorn
