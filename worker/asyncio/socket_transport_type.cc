// The Python face of SocketTransport: _tricorn.SocketTransport.
#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/python_protocol.h"
#include "worker/asyncio/socket_transport.h"
#include "worker/asyncio/water_marks.h"

namespace tricorn {
namespace {

SocketTransport& of(PyObject* self) { return SocketTransportType::of(self); }

PyObject* none_if(bool done) { return done ? Py_NewRef(Py_None) : nullptr; }

PyObject* write(PyObject* self, PyObject* data) { return none_if(of(self).write(data)); }
PyObject* write_lines(PyObject* self, PyObject* lines) {
  return none_if(of(self).write_lines(lines));
}
PyObject* write_eof(PyObject* self, PyObject*) { return none_if(of(self).write_eof()); }
PyObject* can_write_eof(PyObject*, PyObject*) { Py_RETURN_TRUE; }

PyObject* close(PyObject* self, PyObject*) {
  of(self).close();
  Py_RETURN_NONE;
}

PyObject* abort(PyObject* self, PyObject*) {
  of(self).abort({});
  Py_RETURN_NONE;
}

PyObject* force_close(PyObject* self, PyObject* exception) {
  of(self).abort(PyRef::borrow(exception));
  Py_RETURN_NONE;
}

PyObject* is_closing(PyObject* self, PyObject*) { return PyBool_FromLong(of(self).is_closing()); }
PyObject* is_reading(PyObject* self, PyObject*) { return PyBool_FromLong(of(self).is_reading()); }

PyObject* pause_reading(PyObject* self, PyObject*) {
  of(self).pause_reading();
  Py_RETURN_NONE;
}

PyObject* resume_reading(PyObject* self, PyObject*) {
  of(self).resume_reading();
  Py_RETURN_NONE;
}

PyObject* get_protocol(PyObject* self, PyObject*) {
  StreamSink* sink = of(self).sink();
  return Py_NewRef(sink == nullptr ? Py_None : sink->protocol());
}

PyObject* set_protocol(PyObject* self, PyObject* protocol) {
  std::shared_ptr<StreamSink> sink = PythonProtocol::make(protocol);
  if (sink) of(self).set_sink(std::move(sink));
  return none_if(PyErr_Occurred() == nullptr);
}

PyObject* set_write_buffer_limits(PyObject* self, PyObject* args, PyObject* keywords) {
  size_t high = 0;
  size_t low = 0;
  if (!parse_water_marks(args, keywords, high, low)) return nullptr;
  return none_if(of(self).set_limits(high, low));
}

PyObject* get_write_buffer_limits(PyObject* self, PyObject*) {
  const WriteLimits& limits = of(self).limits();
  return Py_BuildValue("(nn)", limits.low(), limits.high());
}

PyObject* get_write_buffer_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(of(self).write_buffer_size());
}

PyObject* get_extra_info(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* names[] = {"name", "default", nullptr};
  PyObject* name = nullptr;
  PyObject* missing = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O", const_cast<char**>(names), &name,
                                   &missing)) {
    return nullptr;
  }
  return of(self).extra_info(name, missing).release();
}

PyObject* make_empty_waiter(PyObject* self, PyObject*) {
  return of(self).make_empty_waiter().release();
}

PyObject* reset_empty_waiter(PyObject* self, PyObject*) {
  of(self).reset_empty_waiter();
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"write", write, METH_O, "write(data)\n\nSend bytes, in order, when the peer takes them."},
    {"writelines", write_lines, METH_O, "writelines(list)\n\nSend all of these in one go."},
    {"write_eof", write_eof, METH_NOARGS, "End this side of the stream after what was written."},
    {"can_write_eof", can_write_eof, METH_NOARGS, "True."},
    {"close", close, METH_NOARGS, "Close after what was written is sent."},
    {"abort", abort, METH_NOARGS, "Close at once; what was not sent is lost."},
    {"_force_close", force_close, METH_O, nullptr},
    {"is_closing", is_closing, METH_NOARGS, "Whether it is closed, or about to be."},
    {"is_reading", is_reading, METH_NOARGS, "Whether it receives."},
    {"pause_reading", pause_reading, METH_NOARGS, "Receive nothing until resume_reading()."},
    {"resume_reading", resume_reading, METH_NOARGS, "Receive again."},
    {"get_protocol", get_protocol, METH_NOARGS, "The protocol."},
    {"set_protocol", set_protocol, METH_O, "set_protocol(protocol)\n\nTalk to another protocol."},
    {"set_write_buffer_limits", method(set_write_buffer_limits), METH_VARARGS | METH_KEYWORDS,
     "set_write_buffer_limits(high=None, low=None)\n\nBytes: when to pause and resume writing."},
    {"get_write_buffer_limits", get_write_buffer_limits, METH_NOARGS, "(low, high) in bytes."},
    {"get_write_buffer_size", get_write_buffer_size, METH_NOARGS, "Bytes not sent yet."},
    {"get_extra_info", method(get_extra_info), METH_VARARGS | METH_KEYWORDS,
     "get_extra_info(name, default=None)\n\n'socket', 'sockname', 'peername'."},
    {"_make_empty_waiter", make_empty_waiter, METH_NOARGS, "A future: all is sent."},
    {"_reset_empty_waiter", reset_empty_waiter, METH_NOARGS, nullptr},
    {}};

PyObject* get_sock(PyObject* self, void*) {
  PyRef socket = of(self).socket();
  return socket || PyErr_Occurred() != nullptr ? socket.release() : Py_NewRef(Py_None);
}
PyObject* get_fd(PyObject* self, void*) { return PyLong_FromLong(of(self).fd()); }
PyObject* get_loop(PyObject* self, void*) {
  return Py_NewRef(of(self).loop() == nullptr ? Py_None : of(self).loop_object());
}
PyObject* get_protocol_attribute(PyObject* self, void*) { return get_protocol(self, nullptr); }
PyObject* get_protocol_paused(PyObject* self, void*) {
  return PyBool_FromLong(of(self).limits().paused());
}
PyObject* get_paused(PyObject* self, void*) { return PyBool_FromLong(of(self).is_paused()); }
PyObject* get_closing(PyObject* self, void*) { return PyBool_FromLong(of(self).is_closing()); }
PyObject* get_true(PyObject*, void*) { Py_RETURN_TRUE; }
PyObject* get_sendfile_mode(PyObject*, void*) {
  PyRef module = PyRef::steal(PyImport_ImportModule("asyncio.constants"));
  PyRef modes =
      PyRef::steal(module ? PyObject_GetAttrString(module.get(), "_SendfileMode") : nullptr);
  return modes ? PyObject_GetAttrString(modes.get(), "TRY_NATIVE") : nullptr;
}

// What asyncio's own Python code asks its transports for, and others find in them.
PyGetSetDef attributes[] = {{"_sock", get_sock, nullptr, nullptr, nullptr},
                            {"_sock_fd", get_fd, nullptr, nullptr, nullptr},
                            {"_loop", get_loop, nullptr, nullptr, nullptr},
                            {"_protocol", get_protocol_attribute, nullptr, nullptr, nullptr},
                            {"_protocol_paused", get_protocol_paused, nullptr, nullptr, nullptr},
                            {"_paused", get_paused, nullptr, nullptr, nullptr},
                            {"_closing", get_closing, nullptr, nullptr, nullptr},
                            {"_start_tls_compatible", get_true, nullptr, nullptr, nullptr},
                            {"_sendfile_compatible", get_sendfile_mode, nullptr, nullptr, nullptr},
                            {}};

PyObject* repr(PyObject* self) { return of(self).repr().release(); }

}  // namespace

bool add_socket_transport_type(PyObject* module) {
  const SubclassSpec spec = {"tricorn._tricorn.SocketTransport",
                             "A TCP or unix stream connection, as asyncio.Transport.", methods,
                             attributes, repr};
  return SocketTransportType::make_type(module, spec, asyncio_names.transport_class.get());
}

}  // namespace tricorn
