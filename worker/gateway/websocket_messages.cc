// ASGI messages of a WebSocket: see the header.
#include "worker/gateway/websocket_messages.h"

#include <utility>

#include "worker/python/interned.h"
#include "worker/python/object_chunk.h"

namespace tricorn {
namespace {

// What the message has under `key`; null for None, and for nothing. False with an error set.
bool find(PyObject* message, PyObject* key, PyObject*& value) {
  value = PyDict_GetItemWithError(message, key);
  if (value == Py_None) value = nullptr;
  return value != nullptr || PyErr_Occurred() == nullptr;
}

bool view_of(PyObject* text, std::string_view& view) {
  Py_ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (bytes == nullptr) return false;
  view = {bytes, static_cast<size_t>(size)};
  return true;
}

bool read_text(PyObject* value, const char* what, std::string_view& view) {
  if (PyUnicode_Check(value)) return view_of(value, view);
  PyErr_Format(PyExc_TypeError, "%s must be a str or None, not %.100s", what,
               Py_TYPE(value)->tp_name);
  return false;
}

// bytearray, memoryview: copied, since the app may change them (P26).
bool read_buffer(PyObject* value, MessageData& data) {
  Py_buffer buffer;
  if (PyObject_GetBuffer(value, &buffer, PyBUF_SIMPLE) < 0) return false;
  PyRef copy = PyRef::steal(PyBytes_FromStringAndSize(static_cast<char*>(buffer.buf), buffer.len));
  PyBuffer_Release(&buffer);
  if (!copy) return false;
  const std::string_view bytes(PyBytes_AS_STRING(copy.get()),
                               static_cast<size_t>(PyBytes_GET_SIZE(copy.get())));
  data.chunk = owned_chunk(bytes, std::move(copy));
  return true;
}

}  // namespace

PyRef connect_message() {
  PyRef message = PyRef::steal(PyDict_New());
  if (!message || PyDict_SetItem(message.get(), interned.type, interned.websocket_connect) < 0) {
    return {};
  }
  return message;
}

PyRef receive_message_of(PyObject* data) {
  PyRef message = PyRef::steal(PyDict_New());
  PyObject* const key = PyUnicode_CheckExact(data) ? interned.text : interned.bytes;
  if (!message || PyDict_SetItem(message.get(), interned.type, interned.websocket_receive) < 0 ||
      PyDict_SetItem(message.get(), key, data) < 0) {
    return {};
  }
  return message;
}

PyRef websocket_disconnect_message(uint16_t code, std::string_view reason) {
  return PyRef::steal(Py_BuildValue("{OOOiOs#}", interned.type, interned.websocket_disconnect,
                                    interned.code, static_cast<int>(code), interned.reason,
                                    reason.data(), static_cast<Py_ssize_t>(reason.size())));
}

bool read_data(PyObject* message, MessageData& data) {
  PyObject *text, *bytes;
  if (!find(message, interned.text, text) || !find(message, interned.bytes, bytes)) return false;
  if ((text == nullptr) == (bytes == nullptr)) {
    PyErr_SetString(PyExc_ValueError,
                    "websocket.send must have either 'text' or 'bytes', the other one None or "
                    "absent");
    return false;
  }
  data.text = text != nullptr;
  if (data.text) {
    std::string_view view;
    if (!read_text(text, "'text' of websocket.send", view)) return false;
    data.chunk = chunk_of(view, text);
    return true;
  }
  if (!PyBytes_Check(bytes)) return read_buffer(bytes, data);
  data.chunk =
      chunk_of({PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))}, bytes);
  return true;
}

bool read_close(PyObject* message, uint16_t& code, std::string_view& reason) {
  PyObject *number, *text;
  if (!find(message, interned.code, number) || !find(message, interned.reason, text)) return false;
  code = 1000;
  reason = {};
  if (number != nullptr) {
    if (!PyLong_Check(number)) {
      PyErr_Format(PyExc_TypeError, "'code' of websocket.close must be an int, not %.100s",
                   Py_TYPE(number)->tp_name);
      return false;
    }
    int overflow = 0;
    const long value = PyLong_AsLongAndOverflow(number, &overflow);
    // What is no code at all is refused with those that may not be sent.
    code = overflow != 0 || value < 0 || value > UINT16_MAX ? 0 : static_cast<uint16_t>(value);
  }
  return text == nullptr || read_text(text, "'reason' of websocket.close", reason);
}

bool read_subprotocol(PyObject* message, std::string_view& subprotocol) {
  PyObject* text;
  subprotocol = {};
  if (!find(message, interned.subprotocol, text)) return false;
  return text == nullptr || read_text(text, "'subprotocol' of websocket.accept", subprotocol);
}

}  // namespace tricorn
