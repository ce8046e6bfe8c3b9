// parse_water_marks: see the header.
#include "worker/asyncio/water_marks.h"

namespace tricorn {
namespace {

// -1 and no error: None. False with an error set.
bool read_mark(PyObject* value, Py_ssize_t& mark) {
  mark = -1;
  if (value == Py_None) return true;
  mark = PyNumber_AsSsize_t(value, PyExc_OverflowError);
  return mark != -1 || PyErr_Occurred() == nullptr;
}

}  // namespace

bool parse_water_marks(PyObject* args, PyObject* keywords, size_t& high, size_t& low,
                       size_t usual_high) {
  static const char* names[] = {"high", "low", nullptr};
  PyObject* high_object = Py_None;
  PyObject* low_object = Py_None;
  Py_ssize_t high_mark;
  Py_ssize_t low_mark;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OO", const_cast<char**>(names), &high_object,
                                   &low_object) ||
      !read_mark(high_object, high_mark) || !read_mark(low_object, low_mark)) {
    return false;
  }
  if (high_object == Py_None) {
    high_mark = low_object == Py_None ? static_cast<Py_ssize_t>(usual_high) : 4 * low_mark;
  }
  if (low_object == Py_None) low_mark = high_mark / 4;
  if (high_mark < low_mark || low_mark < 0) {
    PyErr_Format(PyExc_ValueError, "high (%zd) must be >= low (%zd) must be >= 0", high_mark,
                 low_mark);
    return false;
  }
  high = static_cast<size_t>(high_mark);
  low = static_cast<size_t>(low_mark);
  return true;
}

}  // namespace tricorn
