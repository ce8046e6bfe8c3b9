// Slots of coroutine-like types: objects that `await` drives without a generator frame.
//
// T gives two static functions, each returning as PyIter_Send does (PYGEN_NEXT: *result was
// yielded, PYGEN_RETURN: *result is the value, PYGEN_ERROR: an exception is set, *result null):
//
//   PySendResult resume(T* self, PyObject* value, PyObject** result);
//   PySendResult raise(T* self, PyObject* exception, PyObject** result);   // `exception` is an
//   instance, borrowed
//
// and `void close(T* self)`. The type then passes asyncio.iscoroutine (send, throw, close,
// __await__).
#pragma once

#include "worker/python/py_type.h"

namespace tricorn {

// What throw()'s one to three arguments mean, as an exception instance; null with an error set if
// they mean nothing.
PyRef thrown_exception(PyObject* const* args, Py_ssize_t count);

// Sets `exception` as the current one and returns PYGEN_ERROR.
PySendResult raise_instance(PyObject* exception, PyObject** result);

// For send() and throw(): a returned value becomes StopIteration.
PyObject* as_iterator_result(PySendResult outcome, PyObject* result);

template <class T>
struct AwaitableSlots {
  static PyObject* await(PyObject* self) { return Py_NewRef(self); }

  static PySendResult send(PyObject* self, PyObject* value, PyObject** result) {
    return T::resume(reinterpret_cast<T*>(self), value, result);
  }

  // The end without an exception means None (as for generators). Python 3.12 and later `await` by
  // this slot: an exception made and taken apart would cost them a tenth of a small request.
  static PyObject* iternext(PyObject* self) {
    PyObject* result = nullptr;
    const PySendResult outcome = send(self, Py_None, &result);
    if (outcome == PYGEN_RETURN && result == Py_None) {
      Py_DECREF(result);
      return nullptr;
    }
    return as_iterator_result(outcome, result);
  }

  static PyObject* send_method(PyObject* self, PyObject* value) {
    PyObject* result = nullptr;
    PySendResult outcome = send(self, value, &result);
    return as_iterator_result(outcome, result);
  }

  static PyObject* throw_method(PyObject* self, PyObject* const* args, Py_ssize_t count) {
    PyRef exception = thrown_exception(args, count);
    if (!exception) return nullptr;
    PyObject* result = nullptr;
    PySendResult outcome = T::raise(reinterpret_cast<T*>(self), exception.get(), &result);
    return as_iterator_result(outcome, result);
  }

  static PyObject* close_method(PyObject* self, PyObject*) {
    T::close(reinterpret_cast<T*>(self));
    if (PyErr_Occurred() != nullptr) return nullptr;
    Py_RETURN_NONE;
  }

  static inline PyMethodDef send_def = {"send", send_method, METH_O, nullptr};
  static inline PyMethodDef throw_def = {"throw", method(throw_method), METH_FASTCALL, nullptr};
  static inline PyMethodDef close_def = {"close", close_method, METH_NOARGS, nullptr};
};

}  // namespace tricorn
