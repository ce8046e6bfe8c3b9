// ASGI messages: see the header.
#include "worker/gateway/messages.h"

#include <algorithm>

#include "worker/python/interned.h"
#include "worker/python/py_error.h"

namespace tricorn {
namespace {

PyObject* empty_request = nullptr;  // copied for each message: the app may change what it gets
PyObject* disconnect = nullptr;
PyObject* empty_bytes = nullptr;

bool read_field(PyObject* item, const char* what, std::string_view& out) {
  if (!PyBytes_Check(item)) {
    PyErr_Format(PyExc_TypeError, "%s must be bytes, not %.100s", what, Py_TYPE(item)->tp_name);
    return false;
  }
  out = {PyBytes_AS_STRING(item), static_cast<size_t>(PyBytes_GET_SIZE(item))};
  return true;
}

PyRef as_pair(PyObject* pair) {
  return PyRef::steal(PySequence_Fast(pair, "a response header must be a pair of bytes"));
}

bool read_pair(PyObject* pair, std::vector<Header>& headers) {
  if (PySequence_Fast_GET_SIZE(pair) != 2) {
    PyErr_SetString(PyExc_ValueError, "a response header must be a pair of bytes");
    return false;
  }
  PyObject** items = PySequence_Fast_ITEMS(pair);
  Header header;
  if (!read_field(items[0], "a response header's name", header.name) ||
      !read_field(items[1], "a response header's value", header.value)) {
    return false;
  }
  headers.push_back(header);
  return true;
}

bool are_plain_pairs(PyObject* sequence) {
  PyObject** const begin = PySequence_Fast_ITEMS(sequence);
  return std::all_of(begin, begin + PySequence_Fast_GET_SIZE(sequence),
                     [](PyObject* pair) { return PyList_Check(pair) || PyTuple_Check(pair); });
}

// Going through a pair of another kind runs the app's code, which may change the list and its
// pairs: `sequence` becomes one of tuples that are ours.
bool copy_pairs(PyRef& sequence) {
  PyRef pairs = PyRef::steal(PySequence_Tuple(sequence.get()));
  PyRef copies = PyRef::steal(PyList_New(0));
  if (!pairs || !copies) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs.get()); ++i) {
    PyRef pair = as_pair(PyTuple_GET_ITEM(pairs.get(), i));
    PyRef copy = pair ? PyRef::steal(PySequence_Tuple(pair.get())) : PyRef();
    if (!copy || PyList_Append(copies.get(), copy.get()) < 0) return false;
  }
  sequence = std::move(copies);
  return true;
}

}  // namespace

bool make_message_templates() {
  empty_bytes = PyBytes_FromStringAndSize(nullptr, 0);
  empty_request = PyDict_New();
  disconnect = PyDict_New();
  return empty_bytes != nullptr && empty_request != nullptr && disconnect != nullptr &&
         PyDict_SetItem(empty_request, interned.type, interned.http_request) == 0 &&
         PyDict_SetItem(empty_request, interned.body, empty_bytes) == 0 &&
         PyDict_SetItem(empty_request, interned.more_body, Py_False) == 0 &&
         PyDict_SetItem(disconnect, interned.type, interned.http_disconnect) == 0;
}

PyRef request_message(PyObject* body, bool more) {
  PyRef message = empty_request_message();
  if (!message || PyDict_SetItem(message.get(), interned.body, body) < 0) return {};
  if (more && PyDict_SetItem(message.get(), interned.more_body, Py_True) < 0) return {};
  return message;
}

PyRef empty_request_message() { return PyRef::steal(PyDict_Copy(empty_request)); }

PyRef disconnect_message() { return PyRef::steal(PyDict_Copy(disconnect)); }

bool read_status(PyObject* value, int& status) {
  if (value == nullptr) {
    PyErr_SetString(PyExc_KeyError, "http.response.start must have a 'status'");
    return false;
  }
  if (!PyLong_Check(value)) {
    PyErr_Format(PyExc_TypeError, "the response status must be an int, not %.100s",
                 Py_TYPE(value)->tp_name);
    return false;
  }
  int overflow = 0;
  long number = PyLong_AsLongAndOverflow(value, &overflow);
  if (overflow != 0 || number < 200 || number > 999) {
    const char* hint = number == 103 ? " (for early hints, send http.response.early_hint)" : "";
    PyErr_Format(PyExc_ValueError, "the response status must be from 200 to 999, not %S%s", value,
                 hint);
    return false;
  }
  status = static_cast<int>(number);
  return true;
}

bool read_headers(PyObject* value, std::vector<Header>& headers, PyRef& holder) {
  headers.clear();
  if (value == nullptr) return true;
  holder = PyRef::steal(PySequence_Fast(value, "response headers must be an iterable of pairs"));
  if (!holder) return false;
  if (!are_plain_pairs(holder.get()) && !copy_pairs(holder)) return false;
  PyObject* sequence = holder.get();
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
    if (!read_pair(PySequence_Fast_GET_ITEM(sequence, i), headers)) return false;
  }
  return true;
}

bool read_links(PyObject* message, std::vector<Header>& headers, PyRef& holder) {
  headers.clear();
  PyObject* value = PyDict_GetItemWithError(message, interned.links);
  if (value == nullptr) return PyErr_Occurred() == nullptr;
  holder = PyRef::steal(PySequence_Fast(value, "links must be an iterable of bytes"));
  if (!holder) return false;
  PyObject* sequence = holder.get();
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
    Header& link = headers.emplace_back("link");
    if (!read_field(PySequence_Fast_GET_ITEM(sequence, i), "a link", link.value)) return false;
  }
  return true;
}

bool read_flag(PyObject* value, bool& flag) {
  int truth = value == Py_True                        ? 1
              : value == Py_False || value == nullptr ? 0
                                                      : PyObject_IsTrue(value);
  flag = truth == 1;
  return truth >= 0;
}

}  // namespace tricorn
