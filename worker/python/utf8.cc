// Text that leaves Python: see the header.
#include "worker/python/utf8.h"

namespace tricorn {

std::string utf8_of(PyObject* text) {
  PyRef bytes = PyRef::steal(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
  if (bytes) {
    return {PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))};
  }
  PyErr_Clear();  // out of memory
  return {};
}

int utf8_argument(PyObject* text, void* out) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "expected a str, not %.100s", Py_TYPE(text)->tp_name);
    return 0;
  }
  *static_cast<std::string*>(out) = utf8_of(text);
  return 1;
}

}  // namespace tricorn
