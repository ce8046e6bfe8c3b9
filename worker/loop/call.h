// Call: what call_soon and its kin are asked to run. CallArguments: its arguments, as a Handle
// keeps them.
#pragma once

#include <array>
#include <cstddef>

#include "worker/python/py_ref.h"

namespace tricorn {

// Borrowed from the caller for the duration of one call.
struct Call {
  PyObject* callback = nullptr;
  PyObject* const* arguments = nullptr;
  size_t argument_count = 0;
  PyObject* context = nullptr;  // null: a copy of the current one
};

// Owns the arguments, inline for up to three, laid out for PyObject_Vectorcall.
class CallArguments {
 public:
  CallArguments() = default;
  CallArguments(const CallArguments&) = delete;
  CallArguments& operator=(const CallArguments&) = delete;
  ~CallArguments() { clear(); }

  // Takes references to `count` arguments; only while empty. False with MemoryError set.
  bool assign(PyObject* const* arguments, size_t count);
  void clear();

  size_t count() const { return count_; }
  // The first argument. The slot before it is free for PY_VECTORCALL_ARGUMENTS_OFFSET.
  PyObject** first() const { return slots_ + 1; }
  // A new tuple; null with an error set.
  PyRef as_tuple() const;

 private:
  static constexpr size_t kInline = 3;

  std::array<PyObject*, 1 + kInline> inline_;
  PyObject** slots_ = inline_.data();
  size_t count_ = 0;
};

// Leaves a context that was entered; an error that is set stays the one to tell.
void exit_context(PyObject* context);

// PyObject_Vectorcall in `context`, which must not be entered yet. Null with an error set.
PyRef call_in_context(PyObject* context, PyObject* callback, PyObject* const* arguments,
                      size_t nargsf);

}  // namespace tricorn
