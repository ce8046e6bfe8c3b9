// QueuedContext: the contextvars.Context that a handle will run in.
//
// A copy made for the handle is nobody else's until the handle runs, so the cycle collector need
// not look at it: it is hidden from it meanwhile. With ten thousand calls waiting, their copies
// would be most of what the collector visits, a fifth of the time that the calls take.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

class QueuedContext {
 public:
  QueuedContext() = default;
  QueuedContext(const QueuedContext&) = delete;
  QueuedContext& operator=(const QueuedContext&) = delete;
  ~QueuedContext() { reset(); }

  // `context` itself, or a copy of the current one if it is null. False with an error set.
  bool assign(PyObject* context) {
    context_ = context == nullptr ? PyRef::steal(PyContext_CopyCurrent()) : PyRef::borrow(context);
    hidden_ = context == nullptr && context_;
    if (hidden_) PyObject_GC_UnTrack(context_.get());
    return static_cast<bool>(context_);
  }

  // To be entered or shown: from now on the program can get at it. Null: there is none.
  PyObject* use() {
    if (hidden_) PyObject_GC_Track(context_.get());
    hidden_ = false;
    return context_.get();
  }
  PyObject* get() const { return context_.get(); }
  void reset() {
    use();
    context_.reset();
  }

  // For the collector, from the loop that the handle waits in. One that is hidden is a part of it.
  int traverse(visitproc visit, void* arg) const {
    if (!hidden_) return context_.traverse(visit, arg);
    PyObject* context = context_.get();
    return Py_REFCNT(context) == 1 ? Py_TYPE(context)->tp_traverse(context, visit, arg) : 0;
  }

 private:
  PyRef context_;
  bool hidden_ = false;
};

}  // namespace tricorn
