// parse_water_marks: see the header.
#include "worker/asyncio/water_marks.h"

#include <algorithm>

namespace tricorn {
namespace {

constexpr Py_ssize_t kMost = PY_SSIZE_T_MAX;

// -1 and no error: None, or less than 0. Larger numbers than there can be bytes are kMost; of a
// float its whole part counts. False with an error set.
bool read_mark(PyObject* value, Py_ssize_t& mark) {
  mark = -1;
  if (value == Py_None) return true;
  if (PyFloat_Check(value) != 0) {
    const double bytes = PyFloat_AS_DOUBLE(value);
    if (bytes >= 0)
      mark = bytes < static_cast<double>(kMost) ? static_cast<Py_ssize_t>(bytes) : kMost;
    return true;
  }
  mark = PyNumber_AsSsize_t(value, nullptr);
  return mark != -1 || PyErr_Occurred() == nullptr;
}

Py_ssize_t four_times(Py_ssize_t mark) {
  return mark > kMost / 4 ? kMost : 4 * std::max(mark, -kMost / 4);
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
    high_mark = low_object == Py_None ? static_cast<Py_ssize_t>(usual_high) : four_times(low_mark);
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
