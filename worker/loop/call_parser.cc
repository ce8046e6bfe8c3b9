// parse_call: see the header.
#include "worker/loop/call_parser.h"

#include "worker/python/interned.h"

namespace tricorn {
namespace {

// By pointer first; CPython's own C code passes a "context" that is not always the interned one.
bool is_context(PyObject* keyword) {
  return keyword == interned.context || PyUnicode_CompareWithASCIIString(keyword, "context") == 0;
}

bool is_named(PyObject* keyword, const char* name) {
  return name != nullptr && PyUnicode_CompareWithASCIIString(keyword, name) == 0;
}

}  // namespace

bool parse_call(const CallSignature& signature, PyObject* const* arguments, Py_ssize_t count,
                PyObject* keywords, PyObject** first, Call& call) {
  Py_ssize_t used = 0;
  *first = nullptr;
  if (signature.first != nullptr && used < count) *first = arguments[used++];
  if (used < count) call.callback = arguments[used++];
  call.arguments = arguments + used;
  call.argument_count = static_cast<size_t>(count - used);

  Py_ssize_t keyword_count = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < keyword_count; ++i) {
    PyObject* keyword = PyTuple_GET_ITEM(keywords, i);
    PyObject* value = arguments[count + i];
    PyObject** place = nullptr;
    if (is_context(keyword)) {
      call.context = value == Py_None ? nullptr : value;
      continue;
    }
    if (is_named(keyword, "callback")) place = &call.callback;
    if (is_named(keyword, signature.first)) place = first;
    if (place == nullptr || *place != nullptr) {
      PyErr_Format(PyExc_TypeError, "%s() got %s argument '%U'", signature.method,
                   place == nullptr ? "an unexpected keyword" : "multiple values for", keyword);
      return false;
    }
    *place = value;
  }
  const char* missing = call.callback == nullptr ? "callback" : nullptr;
  if (signature.first != nullptr && *first == nullptr) missing = signature.first;
  if (missing == nullptr) return true;
  PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s'", signature.method, missing);
  return false;
}

}  // namespace tricorn
