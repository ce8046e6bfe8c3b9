// The loop's add_reader, add_writer and their counterparts. AbstractEventLoop, "Watching file
// descriptors". The names with an underscore are asyncio's own, for its transports: they do not ask
// whose the descriptor is.
#include "worker/loop/descriptor.h"
#include "worker/loop/loop_object.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

// What a method was called with: (file, callback, *arguments).
struct Arguments {
  PyObject* loop;
  PyObject* const* values;
  Py_ssize_t count;
};

// The handle; null with an error set.
PyRef watch(const Arguments& arguments, Direction direction, bool of_user) {
  EventLoop& loop = event_loop_of(arguments.loop);
  if (arguments.count < 2) {
    PyErr_SetString(PyExc_TypeError, "a file and a callback are needed");
    return {};
  }
  PyObject* file = arguments.values[0];
  const int fd = descriptor_of(file);
  if (fd < 0 || (of_user && !check_no_transport(loop.io(), fd, file)) || !check_open(loop)) {
    return {};
  }
  const Call call = {arguments.values[1], arguments.values + 2,
                     static_cast<size_t>(arguments.count - 2), nullptr};
  PyRef handle = make_handle(loop, call);
  PyRef kept = PyLong_Check(file) ? PyRef() : PyRef::borrow(file);
  if (!handle || !loop.watcher().watch(fd, direction, handle.clone(), std::move(kept))) return {};
  return handle;
}

template <Direction direction>
PyObject* add(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  if (!watch({self, values, count}, direction, true)) return nullptr;
  Py_RETURN_NONE;
}

template <Direction direction>
PyObject* add_own(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  return watch({self, values, count}, direction, false).release();
}

PyObject* unwatch(PyObject* self, PyObject* file, Direction direction, bool of_user) {
  EventLoop& loop = event_loop_of(self);
  if (loop.closed()) Py_RETURN_FALSE;
  const int fd = watched_descriptor_of(loop.watcher(), file);
  if (fd < 0 || (of_user && !check_no_transport(loop.io(), fd, file))) return nullptr;
  return PyBool_FromLong(loop.watcher().unwatch(fd, direction) ? 1 : 0);
}

template <Direction direction>
PyObject* remove(PyObject* self, PyObject* file) {
  return unwatch(self, file, direction, true);
}

template <Direction direction>
PyObject* remove_own(PyObject* self, PyObject* file) {
  return unwatch(self, file, direction, false);
}

PyObject* ensure_no_transport(PyObject* self, PyObject* file) {
  const int fd = descriptor_of(file);
  if (fd < 0 || !check_no_transport(event_loop_of(self).io(), fd, file)) return nullptr;
  Py_RETURN_NONE;
}

// (reads, writes): for repr() of asyncio's transports, which ask a selector.
PyObject* watched(PyObject* self, PyObject* file) {
  int fd = descriptor_of(file);
  if (fd < 0) return nullptr;
  FdWatcher& watcher = event_loop_of(self).watcher();
  return Py_BuildValue("(NN)", PyBool_FromLong(watcher.watches(fd, Direction::kRead)),
                       PyBool_FromLong(watcher.watches(fd, Direction::kWrite)));
}

constexpr Direction kRead = Direction::kRead;
constexpr Direction kWrite = Direction::kWrite;

}  // namespace

PyMethodDef reader_methods[] = {
    {"add_reader", method(add<kRead>), METH_FASTCALL,
     "add_reader(fd, callback, *args)\n\nCall back while fd can be read from."},
    {"add_writer", method(add<kWrite>), METH_FASTCALL,
     "add_writer(fd, callback, *args)\n\nCall back while fd can be written to."},
    {"remove_reader", remove<kRead>, METH_O, "Undo add_reader(). Whether there was a reader."},
    {"remove_writer", remove<kWrite>, METH_O, "Undo add_writer(). Whether there was a writer."},
    {"_add_reader", method(add_own<kRead>), METH_FASTCALL, nullptr},
    {"_add_writer", method(add_own<kWrite>), METH_FASTCALL, nullptr},
    {"_remove_reader", remove_own<kRead>, METH_O, nullptr},
    {"_remove_writer", remove_own<kWrite>, METH_O, nullptr},
    {"_ensure_fd_no_transport", ensure_no_transport, METH_O, nullptr},
    {"_watched", watched, METH_O, "(reads, writes): who waits for the descriptor."},
    {}};

}  // namespace tricorn
