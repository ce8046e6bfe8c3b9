// Descriptors of file objects: see the header.
#include "worker/loop/descriptor.h"

#include <climits>

#include "worker/python/py_error.h"

namespace tricorn {
namespace {

// int(file.fileno()); null with an error set.
PyRef fileno_of(PyObject* file) {
  if (PyLong_Check(file)) return PyRef::borrow(file);
  PyRef number = PyRef::steal(PyObject_CallMethod(file, "fileno", nullptr));
  return number ? PyRef::steal(PyNumber_Long(number.get())) : PyRef();
}

}  // namespace

int descriptor_of(PyObject* file) {
  PyRef number = fileno_of(file);
  if (!number) {
    if (PyErr_ExceptionMatches(PyExc_AttributeError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
        PyErr_ExceptionMatches(PyExc_ValueError)) {
      PyErr_Format(PyExc_ValueError, "Invalid file object: %R", file);
    }
    return -1;
  }
  int overflow = 0;
  long fd = PyLong_AsLongAndOverflow(number.get(), &overflow);
  if (overflow == 0 && fd >= 0 && fd <= INT_MAX) return static_cast<int>(fd);
  PyErr_Format(PyExc_ValueError, "Invalid file descriptor: %R", number.get());
  return -1;
}

int watched_descriptor_of(const FdWatcher& watcher, PyObject* file) {
  int fd = descriptor_of(file);
  if (fd >= 0 || !PyErr_ExceptionMatches(PyExc_ValueError)) return fd;
  PyError invalid = PyError::take();
  fd = watcher.find(file);
  if (fd < 0) std::move(invalid).restore();
  return fd;
}

bool check_no_transport(const EpollSet& set, int fd, PyObject* file) {
  const IoListener* listener = set.listener(fd);
  if (listener == nullptr || !listener->is_transport()) return true;
  PyRef name = file != nullptr ? PyRef::borrow(file) : PyRef::steal(PyLong_FromLong(fd));
  if (!name) return false;
  PyErr_Format(PyExc_RuntimeError, "File descriptor %R is used by transport %R", name.get(),
               listener->object() == nullptr ? Py_None : listener->object());
  return false;
}

}  // namespace tricorn
