// The Python face of TlsStream: _tricorn.SSLTransport.
#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/tls_stream.h"

namespace tricorn {
namespace {

TlsStream& of(PyObject* self) { return SslTransportType::of(self); }

PyObject* none_if(bool done) { return done ? Py_NewRef(Py_None) : nullptr; }

PyObject* write(PyObject* self, PyObject* data) { return none_if(of(self).write(data)); }
PyObject* write_lines(PyObject* self, PyObject* lines) {
  return none_if(of(self).write_lines(lines));
}
PyObject* write_eof(PyObject*, PyObject*) {
  PyErr_SetNone(PyExc_NotImplementedError);
  return nullptr;
}
PyObject* can_write_eof(PyObject*, PyObject*) { Py_RETURN_FALSE; }

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

PyObject* resume_reading(PyObject* self, PyObject*) { return none_if(of(self).resume_reading()); }

PyObject* get_protocol(PyObject* self, PyObject*) { return Py_NewRef(of(self).app_protocol()); }
PyObject* set_protocol(PyObject* self, PyObject* protocol) {
  return none_if(of(self).set_protocol(protocol));
}

PyObject* set_write_buffer_limits(PyObject* self, PyObject* args, PyObject* keywords) {
  return none_if(of(self).set_write_limits(args, keywords));
}

PyObject* set_read_buffer_limits(PyObject* self, PyObject* args, PyObject* keywords) {
  return none_if(of(self).set_read_limits(args, keywords));
}

PyObject* limits_of(const WriteLimits& limits) {
  return Py_BuildValue("(nn)", limits.low(), limits.high());
}
PyObject* get_write_buffer_limits(PyObject* self, PyObject*) {
  return limits_of(of(self).write_limits());
}
PyObject* get_read_buffer_limits(PyObject* self, PyObject*) {
  return limits_of(of(self).read_limits());
}

PyObject* get_write_buffer_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(of(self).write_buffer_size());
}
PyObject* get_read_buffer_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(of(self).read_buffer_size());
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

PyObject* pause_writing(PyObject* self, PyObject*) {
  of(self).pause_sending();
  Py_RETURN_NONE;
}

PyObject* resume_writing(PyObject* self, PyObject*) {
  of(self).resume_sending();
  Py_RETURN_NONE;
}

PyObject* append_to_backlog(PyObject* self, PyObject* data) {
  return none_if(of(self).append_to_backlog(data));
}

PyMethodDef methods[] = {
    {"write", write, METH_O, "write(data)\n\nEncrypt bytes and send them, in order."},
    {"writelines", write_lines, METH_O, "writelines(list)\n\nSend all of these in one go."},
    {"write_eof", write_eof, METH_NOARGS, "Not possible: raises NotImplementedError."},
    {"can_write_eof", can_write_eof, METH_NOARGS, "False."},
    {"close", close, METH_NOARGS, "Send what was written, say goodbye, and close."},
    {"abort", abort, METH_NOARGS, "Close at once; what was not sent is lost."},
    {"_force_close", force_close, METH_O, nullptr},
    {"is_closing", is_closing, METH_NOARGS, "Whether it is closed, or about to be."},
    {"is_reading", is_reading, METH_NOARGS, "Whether it hands on what comes."},
    {"pause_reading", pause_reading, METH_NOARGS, "Hand on nothing until resume_reading()."},
    {"resume_reading", resume_reading, METH_NOARGS, "Hand on again what comes."},
    {"get_protocol", get_protocol, METH_NOARGS, "The protocol."},
    {"set_protocol", set_protocol, METH_O, "set_protocol(protocol)\n\nTalk to another protocol."},
    {"set_write_buffer_limits", method(set_write_buffer_limits), METH_VARARGS | METH_KEYWORDS,
     "set_write_buffer_limits(high=None, low=None)\n\nBytes: when to pause and resume writing."},
    {"get_write_buffer_limits", get_write_buffer_limits, METH_NOARGS, "(low, high) in bytes."},
    {"get_write_buffer_size", get_write_buffer_size, METH_NOARGS,
     "Bytes that the transport below has not taken yet."},
    {"set_read_buffer_limits", method(set_read_buffer_limits), METH_VARARGS | METH_KEYWORDS,
     "set_read_buffer_limits(high=None, low=None)\n\nBytes: when to stop and go on receiving."},
    {"get_read_buffer_limits", get_read_buffer_limits, METH_NOARGS, "(low, high) in bytes."},
    {"get_read_buffer_size", get_read_buffer_size, METH_NOARGS, "Bytes not decrypted yet."},
    {"get_extra_info", method(get_extra_info), METH_VARARGS | METH_KEYWORDS,
     "get_extra_info(name, default=None)\n\n'sslcontext', 'ssl_object', 'peercert', 'cipher', "
     "'compression', 'socket', 'sockname', 'peername'."},
    // What tests do to asyncio's SSLProtocol.
    {"pause_writing", pause_writing, METH_NOARGS, nullptr},
    {"resume_writing", resume_writing, METH_NOARGS, nullptr},
    {"_test__append_write_backlog", append_to_backlog, METH_O, nullptr},
    {}};

PyObject* get_loop(PyObject* self, void*) { return Py_NewRef(of(self).loop_object()); }
PyObject* get_self(PyObject* self, void*) { return Py_NewRef(self); }
PyObject* get_protocol_paused(PyObject* self, void*) {
  return PyBool_FromLong(of(self).write_limits().paused());
}
PyObject* get_true(PyObject*, void*) { Py_RETURN_TRUE; }
PyObject* get_sendfile_mode(PyObject*, void*) {
  PyRef module = PyRef::steal(PyImport_ImportModule("asyncio.constants"));
  PyRef modes =
      PyRef::steal(module ? PyObject_GetAttrString(module.get(), "_SendfileMode") : nullptr);
  return modes ? PyObject_GetAttrString(modes.get(), "FALLBACK") : nullptr;
}

// What asyncio's own Python code, and its tests, ask a TLS transport for.
PyGetSetDef attributes[] = {{"_loop", get_loop, nullptr, nullptr, nullptr},
                            {"_ssl_protocol", get_self, nullptr, nullptr, nullptr},
                            {"_protocol_paused", get_protocol_paused, nullptr, nullptr, nullptr},
                            {"_start_tls_compatible", get_true, nullptr, nullptr, nullptr},
                            {"_sendfile_compatible", get_sendfile_mode, nullptr, nullptr, nullptr},
                            {}};

PyObject* repr(PyObject* self) { return of(self).repr().release(); }

}  // namespace

bool add_ssl_transport_type(PyObject* module) {
  const SubclassSpec spec = {"tricorn._tricorn.SSLTransport",
                             "A TLS connection, as asyncio.Transport.", methods, attributes, repr};
  return SslTransportType::make_type(module, spec, asyncio_names.transport_class.get());
}

}  // namespace tricorn
