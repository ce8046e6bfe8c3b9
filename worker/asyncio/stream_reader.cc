// feed_stream_reader: see the header.
#include "worker/asyncio/stream_reader.h"

#include <cstring>

#include "worker/python/interned.h"

namespace tricorn {
namespace {

// Names of asyncio's attributes.
struct Names {
  PyObject* data_received = PyUnicode_InternFromString("data_received");
  PyObject* feed_data = PyUnicode_InternFromString("feed_data");
  PyObject* reader_reference = PyUnicode_InternFromString("_stream_reader_wr");
  PyObject* buffer = PyUnicode_InternFromString("_buffer");
  PyObject* eof = PyUnicode_InternFromString("_eof");
  PyObject* waiter = PyUnicode_InternFromString("_waiter");
  PyObject* limit = PyUnicode_InternFromString("_limit");
  PyObject* paused = PyUnicode_InternFromString("_paused");
  PyObject* transport = PyUnicode_InternFromString("_transport");
  PyObject* pause_reading = PyUnicode_InternFromString("pause_reading");
  PyObject* cancelled = PyUnicode_InternFromString("cancelled");
};

struct Known {
  Names names;
  PyRef protocol_type;
  PyRef reader_type;
  PyRef data_received;  // as they were when the module was loaded
  PyRef feed_data;
};
Known& known = *new Known;  // outlives the interpreter's end on purpose

PyTypeObject* type_of(const PyRef& ref) { return reinterpret_cast<PyTypeObject*>(ref.get()); }

PyRef attribute(PyObject* object, PyObject* name) {
  return PyRef::steal(PyObject_GetAttr(object, name));
}

bool class_has(PyTypeObject* type, PyObject* name, const PyRef& function) {
  PyRef found = attribute(reinterpret_cast<PyObject*>(type), name);
  if (!found) PyErr_Clear();
  return found.get() == function.get();
}

bool has_own(PyObject* object, PyObject* name) {
  PyRef dict = PyRef::steal(PyObject_GenericGetDict(object, nullptr));
  if (!dict) PyErr_Clear();
  return dict && PyDict_Contains(dict.get(), name) != 0;
}

// The reader that the protocol feeds; null without an error if there is none of asyncio's own.
PyRef reader_of(PyObject* protocol) {
  PyRef weak = attribute(protocol, known.names.reader_reference);
  if (!weak || !PyWeakref_CheckRef(weak.get())) {
    PyErr_Clear();
    return {};
  }
  PyRef reader = PyRef::steal(PyObject_CallNoArgs(weak.get()));
  const bool plain = reader && Py_IS_TYPE(reader.get(), type_of(known.reader_type)) &&
                     class_has(type_of(known.reader_type), known.names.feed_data, known.feed_data);
  if (!reader) PyErr_Clear();
  return plain ? std::move(reader) : PyRef();
}

bool append(PyObject* buffer, std::string_view bytes) {
  const Py_ssize_t before = PyByteArray_GET_SIZE(buffer);
  const auto more = static_cast<Py_ssize_t>(bytes.size());
  if (PyByteArray_Resize(buffer, before + more) < 0) return false;
  std::memcpy(PyByteArray_AS_STRING(buffer) + before, bytes.data(), bytes.size());
  return true;
}

// StreamReader._wakeup_waiter().
bool wake(PyObject* reader) {
  PyRef waiter = attribute(reader, known.names.waiter);
  if (!waiter) return false;
  if (waiter.get() == Py_None) return true;
  if (PyObject_SetAttr(reader, known.names.waiter, Py_None) < 0) return false;
  PyRef cancelled = PyRef::steal(PyObject_CallMethodNoArgs(waiter.get(), known.names.cancelled));
  if (!cancelled) return false;
  if (cancelled.get() == Py_True) return true;
  return static_cast<bool>(
      PyRef::steal(PyObject_CallMethodOneArg(waiter.get(), interned.set_result, Py_None)));
}

// The transport is paused once the buffer holds twice the limit.
bool pause_if_full(PyObject* reader, Py_ssize_t size) {
  PyRef limit = attribute(reader, known.names.limit);
  if (!limit) return false;
  const double most = 2 * PyFloat_AsDouble(limit.get());
  if (PyErr_Occurred() != nullptr) return false;
  if (static_cast<double>(size) <= most) return true;
  PyRef transport = attribute(reader, known.names.transport);
  PyRef paused = attribute(reader, known.names.paused);
  if (!transport || !paused) return false;
  if (transport.get() == Py_None || PyObject_IsTrue(paused.get()) != 0) return true;
  PyRef done = PyRef::steal(PyObject_CallMethodNoArgs(transport.get(), known.names.pause_reading));
  if (done) return PyObject_SetAttr(reader, known.names.paused, Py_True) == 0;
  if (!PyErr_ExceptionMatches(PyExc_NotImplementedError)) return false;
  PyErr_Clear();
  return PyObject_SetAttr(reader, known.names.transport, Py_None) == 0;
}

}  // namespace

bool feeds_stream_reader(PyObject* protocol) {
  return PyObject_TypeCheck(protocol, type_of(known.protocol_type)) &&
         class_has(Py_TYPE(protocol), known.names.data_received, known.data_received) &&
         !has_own(protocol, known.names.data_received);
}

Fed feed_stream_reader(PyObject* protocol, std::string_view bytes) {
  PyRef reader = reader_of(protocol);
  if (!reader) return Fed::kNo;
  PyRef ended = attribute(reader.get(), known.names.eof);
  PyRef buffer = attribute(reader.get(), known.names.buffer);
  if (!ended || !buffer) return Fed::kFailed;
  if (ended.get() != Py_False || !PyByteArray_CheckExact(buffer.get())) return Fed::kNo;
  const bool fed = append(buffer.get(), bytes) && wake(reader.get()) &&
                   pause_if_full(reader.get(), PyByteArray_GET_SIZE(buffer.get()));
  return fed ? Fed::kYes : Fed::kFailed;
}

bool load_stream_reader() {
  PyRef streams = PyRef::steal(PyImport_ImportModule("asyncio.streams"));
  if (!streams) return false;
  known.protocol_type = PyRef::steal(PyObject_GetAttrString(streams.get(), "StreamReaderProtocol"));
  known.reader_type = PyRef::steal(PyObject_GetAttrString(streams.get(), "StreamReader"));
  if (!known.protocol_type || !known.reader_type) return false;
  known.data_received = attribute(known.protocol_type.get(), known.names.data_received);
  known.feed_data = attribute(known.reader_type.get(), known.names.feed_data);
  return known.data_received && known.feed_data;
}

}  // namespace tricorn
