// The Python face of pipe transports: see the header.
#include "worker/asyncio/pipe_types.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/read_pipe_transport.h"
#include "worker/asyncio/transport_methods.h"
#include "worker/asyncio/write_pipe_transport.h"
#include "worker/loop/descriptor.h"
#include "worker/loop/loop_object.h"

namespace tricorn {
namespace {

using ReadCommon = TransportMethods<ReadPipeTransport>;
using Reading = ReadingMethods<ReadPipeTransport>;
using WriteCommon = TransportMethods<WritePipeTransport>;
using Writing = WritingMethods<WritePipeTransport>;

PyObject* write(PyObject* self, PyObject* data) {
  return WritePipeType::of(self).write(data) ? Py_NewRef(Py_None) : nullptr;
}
PyObject* can_write_eof(PyObject*, PyObject*) { Py_RETURN_TRUE; }

PyMethodDef read_methods[] = {
    {"close", ReadCommon::close, METH_NOARGS, "Close; what was not read is lost."},
    {"is_closing", ReadCommon::is_closing, METH_NOARGS, "Whether it is closed, or about to be."},
    {"get_protocol", ReadCommon::get_protocol, METH_NOARGS, "The protocol."},
    {"set_protocol", ReadCommon::set_protocol, METH_O,
     "set_protocol(protocol)\n\nTalk to another protocol."},
    {"get_extra_info", method(ReadCommon::get_extra_info), METH_VARARGS | METH_KEYWORDS,
     "get_extra_info(name, default=None)\n\n'pipe': the file object."},
    {"is_reading", Reading::is_reading, METH_NOARGS, "Whether it reads."},
    {"pause_reading", Reading::pause_reading, METH_NOARGS, "Read nothing until resume_reading()."},
    {"resume_reading", Reading::resume_reading, METH_NOARGS, "Read again."},
    {}};

PyMethodDef write_methods[] = {
    {"write", write, METH_O, "write(data)\n\nWrite bytes, in order, when the file takes them."},
    {"write_eof", WriteCommon::close, METH_NOARGS, "Close after what was written, as close()."},
    {"can_write_eof", can_write_eof, METH_NOARGS, "True."},
    {"close", WriteCommon::close, METH_NOARGS, "Close after what is queued was written."},
    {"abort", WriteCommon::abort, METH_NOARGS, "Close at once; what is queued is lost."},
    {"is_closing", WriteCommon::is_closing, METH_NOARGS, "Whether it is closed, or about to be."},
    {"get_protocol", WriteCommon::get_protocol, METH_NOARGS, "The protocol."},
    {"set_protocol", WriteCommon::set_protocol, METH_O,
     "set_protocol(protocol)\n\nTalk to another protocol."},
    {"get_extra_info", method(WriteCommon::get_extra_info), METH_VARARGS | METH_KEYWORDS,
     "get_extra_info(name, default=None)\n\n'pipe': the file object."},
    {"set_write_buffer_limits", method(Writing::set_limits), METH_VARARGS | METH_KEYWORDS,
     "set_write_buffer_limits(high=None, low=None)\n\nBytes: when to pause and resume writing."},
    {"get_write_buffer_limits", Writing::get_limits, METH_NOARGS, "(low, high) in bytes."},
    {"get_write_buffer_size", Writing::get_buffer_size, METH_NOARGS, "Bytes not written yet."},
    {}};

PyGetSetDef read_attributes[] = {{"_pipe", ReadCommon::get_file, nullptr, nullptr, nullptr},
                                 {"_loop", ReadCommon::get_loop, nullptr, nullptr, nullptr},
                                 {}};
PyGetSetDef write_attributes[] = {{"_pipe", WriteCommon::get_file, nullptr, nullptr, nullptr},
                                  {"_loop", WriteCommon::get_loop, nullptr, nullptr, nullptr},
                                  {}};

// What _make_*_pipe_transport was called with.
struct PipeArguments {
  CoreParts parts;
  PyRef waiter;     // null: none
  mode_t mode = 0;  // of the file
};

// A descriptor can be watched for one only. Two transports over one terminal are not rare.
bool is_taken(EventLoop& loop, int fd) {
  const IoListener* listener = loop.io().listener(fd);
  return listener != nullptr && (loop.io().wanted(fd) != 0 || listener->is_transport());
}

// False with an error set.
bool read_arguments(PyObject* self, PyObject* args, PyObject* keywords, PipeArguments& out) {
  static const char* names[] = {"pipe", "protocol", "waiter", "extra", nullptr};
  PyObject* pipe = nullptr;
  PyObject* protocol = nullptr;
  PyObject* waiter = Py_None;
  PyObject* extra = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|OO", const_cast<char**>(names), &pipe,
                                   &protocol, &waiter, &extra)) {
    return false;
  }
  CoreParts& parts = out.parts;
  parts.loop = &event_loop_of(self);
  parts.fd = descriptor_of(pipe);
  struct stat status;
  if (parts.fd < 0) return false;
  if (::fstat(parts.fd, &status) != 0) {
    set_os_error(errno);
    return false;
  }
  out.mode = status.st_mode;
  parts.file = PyRef::borrow(pipe);
  parts.protocol = PyRef::borrow(protocol);
  if (waiter != Py_None) out.waiter = PyRef::borrow(waiter);
  if (extra != Py_None) parts.extra = PyRef::steal(PyDict_Copy(extra));
  return extra == Py_None || parts.extra;
}

// Readies the descriptor for a transport of its own. False with an error set.
bool prepare(PipeArguments& arguments, const char* refusal) {
  CoreParts& parts = arguments.parts;
  if (!S_ISFIFO(arguments.mode) && !S_ISSOCK(arguments.mode) && !S_ISCHR(arguments.mode)) {
    PyErr_SetString(PyExc_ValueError, refusal);
    return false;
  }
  const int flags = ::fcntl(parts.fd, F_GETFL);
  bool done = flags >= 0 && ::fcntl(parts.fd, F_SETFL, flags | O_NONBLOCK) == 0;
  if (done && is_taken(*parts.loop, parts.fd)) {
    parts.duplicate.reset(::fcntl(parts.fd, F_DUPFD_CLOEXEC, 0));
    done = static_cast<bool>(parts.duplicate);
  }
  if (!done) set_os_error(errno);
  return done;
}

PyObject* make_read_pipe_transport(PyObject* self, PyObject* args, PyObject* keywords) {
  PipeArguments given;
  if (!read_arguments(self, args, keywords, given) ||
      !prepare(given, "Pipe transport is for pipes/sockets only.")) {
    return nullptr;
  }
  PyRef made = ReadPipeType::create(std::move(given.parts));
  const bool started = made && ReadPipeType::of(made.get()).start(std::move(given.waiter));
  return started ? made.release() : nullptr;
}

PyObject* make_write_pipe_transport(PyObject* self, PyObject* args, PyObject* keywords) {
  PipeArguments given;
  if (!read_arguments(self, args, keywords, given) ||
      !prepare(given, "Pipe transport is only for pipes, sockets and character devices")) {
    return nullptr;
  }
  PyRef made = WritePipeType::create(std::move(given.parts), !S_ISCHR(given.mode));
  const bool started = made && WritePipeType::of(made.get()).start(std::move(given.waiter));
  return started ? made.release() : nullptr;
}

}  // namespace

bool add_pipe_transport_types(PyObject* module) {
  const SubclassSpec reads = {"tricorn._tricorn.ReadPipeTransport",
                              "The read end of a pipe, as asyncio.ReadTransport.", read_methods,
                              read_attributes, ReadCommon::repr};
  const SubclassSpec writes = {"tricorn._tricorn.WritePipeTransport",
                               "The write end of a pipe, as asyncio.WriteTransport.", write_methods,
                               write_attributes, WriteCommon::repr};
  return ReadPipeType::make_type(module, reads, asyncio_names.read_transport_class.get()) &&
         WritePipeType::make_type(module, writes, asyncio_names.transport_class.get());
}

PyMethodDef pipe_methods[] = {{"_make_read_pipe_transport", method(make_read_pipe_transport),
                               METH_VARARGS | METH_KEYWORDS, nullptr},
                              {"_make_write_pipe_transport", method(make_write_pipe_transport),
                               METH_VARARGS | METH_KEYWORDS, nullptr},
                              {}};

}  // namespace tricorn
