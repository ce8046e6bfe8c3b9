// BytesView and WritableBuffer: the memory of Python objects that have some, for a scope. GIL held.
#pragma once

#include <string_view>

#include "worker/python/py_error.h"

namespace tricorn {

// The bytes of any object that has contiguous ones.
class BytesView {
 public:
  BytesView() = default;
  BytesView(const BytesView&) = delete;
  BytesView& operator=(const BytesView&) = delete;
  ~BytesView() {
    if (open_) PyBuffer_Release(&view_);
  }
  // False with TypeError set: `refusal` with the type's name in place of %s.
  bool open(PyObject* data,
            const char* refusal = "data argument must be a bytes-like object, not '%s'") {
    if (PyBytes_CheckExact(data)) {
      bytes_ = {PyBytes_AS_STRING(data), static_cast<size_t>(PyBytes_GET_SIZE(data))};
      return true;
    }
    if (!PyBytes_Check(data) && !PyByteArray_Check(data) && !PyMemoryView_Check(data)) {
      PyErr_Format(PyExc_TypeError, refusal, type_name(data).c_str());
      return false;
    }
    open_ = PyObject_GetBuffer(data, &view_, PyBUF_SIMPLE) == 0;
    if (open_) bytes_ = {static_cast<const char*>(view_.buf), static_cast<size_t>(view_.len)};
    return open_;
  }
  std::string_view bytes() const { return bytes_; }

 private:
  Py_buffer view_{};
  std::string_view bytes_;
  bool open_ = false;
};

// A writable view of a protocol's buffer.
class WritableBuffer {
 public:
  WritableBuffer() = default;
  WritableBuffer(const WritableBuffer&) = delete;
  WritableBuffer& operator=(const WritableBuffer&) = delete;
  ~WritableBuffer() { release(); }

  bool open(PyObject* object) {
    open_ = PyObject_GetBuffer(object, &view_, PyBUF_WRITABLE) == 0;
    return open_;
  }
  void release() {
    if (open_) PyBuffer_Release(&view_);
    open_ = false;
  }
  void* data() const { return view_.buf; }
  size_t size() const { return static_cast<size_t>(view_.len); }

 private:
  Py_buffer view_{};
  bool open_ = false;
};

}  // namespace tricorn
