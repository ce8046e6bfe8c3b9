// PyRef: owns one reference to a Python object. The only place of Py_INCREF and Py_DECREF, beside
// the type helpers of this folder. References are stolen or borrowed in the constructor's name.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <utility>

namespace tricorn {

class PyRef {
 public:
  PyRef() = default;
  // Takes over a new reference (null allowed: a Python error is set).
  static PyRef steal(PyObject* object) { return PyRef(object); }
  // Adds a reference to one that somebody else holds (null allowed).
  static PyRef borrow(PyObject* object) {
    Py_XINCREF(object);
    return PyRef(object);
  }
  static PyRef none() { return borrow(Py_None); }

  PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef& operator=(PyRef&& other) noexcept {
    if (this != &other) {
      PyObject* old = std::exchange(object_, std::exchange(other.object_, nullptr));
      Py_XDECREF(old);  // last: it may run Python code
    }
    return *this;
  }
  PyRef(const PyRef&) = delete;
  PyRef& operator=(const PyRef&) = delete;
  ~PyRef() { Py_XDECREF(object_); }

  PyObject* get() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  // Gives the reference away, as a function returning a new reference does.
  PyObject* release() { return std::exchange(object_, nullptr); }
  PyRef clone() const { return borrow(object_); }
  void reset() { *this = PyRef(); }
  // For tp_traverse.
  int traverse(visitproc visit, void* arg) const {
    return object_ == nullptr ? 0 : visit(object_, arg);
  }

 private:
  explicit PyRef(PyObject* object) : object_(object) {}
  PyObject* object_ = nullptr;
};

}  // namespace tricorn
