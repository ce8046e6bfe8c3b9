// How a connection's making has ended, and what asyncio raises then. See connect(2), EINPROGRESS.
#pragma once

#include <sys/socket.h>

#include <cerrno>

#include "worker/python/py_ref.h"

namespace tricorn {

// An errno; 0: it is made.
inline int connect_error_of(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

// Raises the OSError of a positive errno, in asyncio's words. `address` is Python's.
inline void set_connect_error(int error, PyObject* address) {
  PyRef text = PyRef::steal(PyUnicode_FromFormat("Connect call failed %S", address));
  PyRef exception =
      PyRef::steal(text ? PyObject_CallFunction(PyExc_OSError, "iO", error, text.get()) : nullptr);
  if (exception) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
  }
}

}  // namespace tricorn
