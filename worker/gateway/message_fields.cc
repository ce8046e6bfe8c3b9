// MessageFields: see the header.
#include "worker/gateway/message_fields.h"

#include <cstring>

#include "worker/python/interned.h"

namespace tricorn {
namespace {

constexpr std::array<PyObject * Interned::*, MessageFields::kKeys> kNames = {
    &Interned::type, &Interned::status,    &Interned::headers,
    &Interned::body, &Interned::more_body, &Interned::trailers};

PyObject* name_of(size_t key) { return interned.*kNames[key]; }

bool is_message(PyObject* message) {
  if (PyDict_Check(message)) return true;
  PyErr_Format(PyExc_TypeError, "an ASGI message must be a dict, not %.100s",
               Py_TYPE(message)->tp_name);
  return false;
}

// `type`: null if the message has none.
bool is_type(PyObject* type) {
  if (type != nullptr && PyUnicode_Check(type)) return true;
  if (type == nullptr) {
    PyErr_SetString(PyExc_KeyError, "an ASGI message must have a 'type'");
  } else {
    PyErr_SetString(PyExc_TypeError, "the 'type' of an ASGI message must be a str");
  }
  return false;
}

}  // namespace

bool MessageFields::take(PyObject* message) {
  if (!is_message(message)) return false;
  if (!take_items(message) && !look_up_missing(message)) return false;
  return is_type(type());
}

// False: there is a key that may be equal to one of ours without being it.
bool MessageFields::take_items(PyObject* message) {
  Py_ssize_t position = 0;
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  for (Py_ssize_t left = PyDict_GET_SIZE(message); left > 0; --left) {
    if (PyDict_Next(message, &position, &name, &value) == 0) return true;
    size_t key = 0;
    while (key < kKeys && name_of(key) != name) ++key;
    if (key == kKeys) return false;
    values_[key] = PyRef::borrow(value);
  }
  return true;
}

// False with an error set.
bool MessageFields::look_up_missing(PyObject* message) {
  for (size_t key = 0; key < kKeys; ++key) {
    if (values_[key]) continue;
    values_[key] = PyRef::borrow(PyDict_GetItemWithError(message, name_of(key)));
    if (!values_[key] && PyErr_Occurred() != nullptr) return false;
  }
  return true;
}

PyObject* message_type(PyObject* message) {
  if (!is_message(message)) return nullptr;
  PyObject* const type = PyDict_GetItemWithError(message, interned.type);
  if (type == nullptr && PyErr_Occurred() != nullptr) return nullptr;
  return is_type(type) ? type : nullptr;
}

bool says(PyObject* text, PyObject* literal) {
  if (text == literal) return true;
  const Py_ssize_t length = PyUnicode_GET_LENGTH(literal);
  return PyUnicode_GET_LENGTH(text) == length && PyUnicode_IS_ASCII(text) &&
         std::memcmp(PyUnicode_DATA(text), PyUnicode_DATA(literal), static_cast<size_t>(length)) ==
             0;
}

}  // namespace tricorn
