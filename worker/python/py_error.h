// PyError: a raised Python exception, taken out of the interpreter. It has three ends only: put
// back (restore), turned into a message (to_error, traceback), or reported as unraisable with a
// context. GIL held throughout.
#pragma once

#include <string>

#include "common/result.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class PyError {
 public:
  // Takes the current exception, normalised and with its traceback attached. One must be set.
  static PyError take();
  // One that was caught before, for its message.
  static PyError of(PyObject* exception) { return PyError(PyRef::borrow(exception)); }

  PyObject* exception() const { return exception_.get(); }  // borrowed
  bool matches(PyObject* type) const;

  void restore() &&;                    // sets it again, to be returned to Python
  void unraisable(PyObject* where) &&;  // sys.unraisablehook; `where` may be null
  Error to_error() const;               // "ValueError: bad port"
  std::string traceback() const;        // as Python prints it, without the trailing newline

 private:
  explicit PyError(PyRef exception) : exception_(std::move(exception)) {}
  PyRef exception_;
};

// "bytes", "MyClass": for messages that name a wrong argument's type.
std::string type_name(PyObject* object);

}  // namespace tricorn
