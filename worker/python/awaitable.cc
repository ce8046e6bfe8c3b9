// Helpers of the coroutine protocol: see the header.
#include "worker/python/awaitable.h"

#include "worker/python/py_error.h"

namespace tricorn {

PyRef thrown_exception(PyObject* const* args, Py_ssize_t count) {
  if (count < 1 || count > 3) {
    PyErr_SetString(PyExc_TypeError, "throw() takes from 1 to 3 arguments");
    return {};
  }
  PyRef exception;
  if (PyExceptionInstance_Check(args[0])) {
    exception = PyRef::borrow(args[0]);
  } else if (PyExceptionClass_Check(args[0])) {
    bool has_value = count > 1 && args[1] != Py_None;
    if (has_value && PyObject_TypeCheck(args[1], reinterpret_cast<PyTypeObject*>(args[0]))) {
      exception = PyRef::borrow(args[1]);
    } else {
      exception = PyRef::steal(has_value ? PyObject_CallOneArg(args[0], args[1])
                                         : PyObject_CallNoArgs(args[0]));
    }
    if (!exception) return {};
  } else {
    PyErr_SetString(PyExc_TypeError, "exceptions must be classes or instances of BaseException");
    return {};
  }
  if (count == 3 && PyTraceBack_Check(args[2])) {
    PyException_SetTraceback(exception.get(), args[2]);
  }
  return exception;
}

PySendResult raise_instance(PyObject* exception, PyObject** result) {
  *result = nullptr;
  PyError::of(exception).restore();
  return PYGEN_ERROR;
}

PyObject* as_iterator_result(PySendResult outcome, PyObject* result) {
  if (outcome == PYGEN_NEXT) return result;
  if (outcome == PYGEN_RETURN) {
    PyRef value = PyRef::steal(result);
    PyRef stop = PyRef::steal(PyObject_CallOneArg(PyExc_StopIteration, value.get()));
    if (stop) PyErr_SetObject(PyExc_StopIteration, stop.get());
  }
  return nullptr;
}

}  // namespace tricorn
