// PyError: see the header.
#include "worker/python/py_error.h"

#include "worker/python/utf8.h"

namespace tricorn {
namespace {

// str(object) as UTF-8; what cannot be shown is named, never raised.
std::string text_of(PyObject* object) {
  PyRef text = PyRef::steal(PyObject_Str(object));
  if (text) return utf8_of(text.get());
  PyErr_Clear();
  return "<unprintable " + type_name(object) + ">";
}

PyRef format_exception(PyObject* exception) {
  PyRef module = PyRef::steal(PyImport_ImportModule("traceback"));
  if (!module) return {};
  PyRef lines = PyRef::steal(PyObject_CallMethod(module.get(), "format_exception", "O", exception));
  if (!lines) return {};
  PyRef nothing = PyRef::steal(PyUnicode_FromString(""));
  return nothing ? PyRef::steal(PyUnicode_Join(nothing.get(), lines.get())) : PyRef();
}

}  // namespace

PyError PyError::take() {
#if PY_VERSION_HEX >= 0x030C0000
  return PyError(PyRef::steal(PyErr_GetRaisedException()));
#else
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return PyError(PyRef::steal(value));
#endif
}

bool PyError::matches(PyObject* type) const {
  return PyErr_GivenExceptionMatches(exception_.get(), type) != 0;
}

void PyError::restore() && {
#if PY_VERSION_HEX >= 0x030C0000
  PyErr_SetRaisedException(exception_.release());
#else
  PyObject* value = exception_.release();
  PyErr_Restore(Py_NewRef(Py_TYPE(value)), value, PyException_GetTraceback(value));
#endif
}

void PyError::unraisable(PyObject* where) && {
  std::move(*this).restore();
  PyErr_WriteUnraisable(where);
}

Error PyError::to_error() const {
  std::string text = text_of(exception_.get());
  std::string name = type_name(exception_.get());
  return Error{text.empty() ? name : name + ": " + text};
}

std::string PyError::traceback() const {
  PyRef text = format_exception(exception_.get());
  if (!text) {
    PyErr_Clear();
    return to_error().message;
  }
  std::string result = utf8_of(text.get());
  while (!result.empty() && result.back() == '\n') result.pop_back();
  return result;
}

std::string type_name(PyObject* object) {
  PyRef name = PyRef::steal(PyType_GetName(Py_TYPE(object)));
  if (name) return utf8_of(name.get());
  PyErr_Clear();
  return "object";
}

}  // namespace tricorn
