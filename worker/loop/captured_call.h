// CapturedCall: one call_soon of asyncio's own that is made now, held back instead of queued.
#pragma once

#include "worker/loop/call.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class EventLoop;

class CapturedCall {
 public:
  // Until the end of its life the loop shows each call_soon to the innermost of these; the first
  // one in `context`, with `argument` alone (null: with none), is taken. Both borrowed.
  CapturedCall(EventLoop& loop, PyObject* context, PyObject* argument);
  ~CapturedCall();
  CapturedCall(const CapturedCall&) = delete;
  CapturedCall& operator=(const CapturedCall&) = delete;

  // True: `call` is the one, and must not be queued.
  bool take(const Call& call);

  explicit operator bool() const { return static_cast<bool>(callback_); }
  PyRef callback() { return std::move(callback_); }
  // Makes the call that was taken. Null with an error set.
  PyRef run();

 private:
  EventLoop& loop_;
  CapturedCall* const outer_;
  PyObject* const context_;
  PyObject* const argument_;
  PyRef callback_;
};

}  // namespace tricorn
