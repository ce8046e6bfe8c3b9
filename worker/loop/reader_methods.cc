// The loop's add_reader, add_writer and their counterparts. AbstractEventLoop, "Watching file
// descriptors". The names with an underscore are asyncio's own, for its transports: they do not ask
// whose the descriptor is.
#include "worker/loop/call_parser.h"
#include "worker/loop/descriptor.h"
#include "worker/loop/loop_object.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

// The handle; null with an error set.
PyRef watch(EventLoop& loop, PyObject* file, const Call& call, Direction direction, bool of_user) {
  const int fd = descriptor_of(file);
  if (fd < 0 || (of_user && !check_no_transport(loop.io(), fd, file)) || !check_open(loop)) {
    return {};
  }
  PyRef handle = make_handle(loop, call);
  PyRef kept = PyLong_Check(file) ? PyRef() : PyRef::borrow(file);
  if (!handle || !loop.watcher().watch(fd, direction, handle.clone(), std::move(kept))) return {};
  return handle;
}

template <Direction direction>
PyObject* add(PyObject* self, PyObject* const* values, Py_ssize_t count, PyObject* keywords) {
  const char* name = direction == Direction::kRead ? "add_reader" : "add_writer";
  PyObject* file = nullptr;
  Call call;
  if (!parse_call({name, "fd"}, values, count, keywords, &file, call)) return nullptr;
  if (call.context != nullptr) {
    return PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument 'context'", name);
  }
  if (!watch(event_loop_of(self), file, call, direction, true)) return nullptr;
  Py_RETURN_NONE;
}

// Takes a context: since Python 3.15 asyncio's transports have one.
template <Direction direction>
PyObject* add_own(PyObject* self, PyObject* const* values, Py_ssize_t count, PyObject* keywords) {
  const char* name = direction == Direction::kRead ? "_add_reader" : "_add_writer";
  PyObject* file = nullptr;
  Call call;
  if (!parse_call({name, "fd"}, values, count, keywords, &file, call)) return nullptr;
  return watch(event_loop_of(self), file, call, direction, false).release();
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
    {"add_reader", method(add<kRead>), METH_FASTCALL | METH_KEYWORDS,
     "add_reader(fd, callback, *args)\n\nCall back while fd can be read from."},
    {"add_writer", method(add<kWrite>), METH_FASTCALL | METH_KEYWORDS,
     "add_writer(fd, callback, *args)\n\nCall back while fd can be written to."},
    {"remove_reader", remove<kRead>, METH_O, "Undo add_reader(). Whether there was a reader."},
    {"remove_writer", remove<kWrite>, METH_O, "Undo add_writer(). Whether there was a writer."},
    {"_add_reader", method(add_own<kRead>), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_add_writer", method(add_own<kWrite>), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"_remove_reader", remove_own<kRead>, METH_O, nullptr},
    {"_remove_writer", remove_own<kWrite>, METH_O, nullptr},
    {"_ensure_fd_no_transport", ensure_no_transport, METH_O, nullptr},
    {"_watched", watched, METH_O, "(reads, writes): who waits for the descriptor."},
    {}};

}  // namespace tricorn
