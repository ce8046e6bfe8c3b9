// CapturedCall: see the header.
#include "worker/loop/captured_call.h"

#include "worker/loop/event_loop.h"

namespace tricorn {

CapturedCall::CapturedCall(EventLoop& loop, PyObject* context, PyObject* argument)
    : loop_(loop), outer_(loop.set_capture(this)), context_(context), argument_(argument) {}

CapturedCall::~CapturedCall() { loop_.set_capture(outer_); }

bool CapturedCall::take(const Call& call) {
  if (call.context != context_ || callback_) return false;
  const size_t wanted = argument_ == nullptr ? 0 : 1;
  if (call.argument_count != wanted || (wanted == 1 && call.arguments[0] != argument_))
    return false;
  callback_ = PyRef::borrow(call.callback);
  return true;
}

PyRef CapturedCall::run() {
  PyObject* arguments[] = {nullptr, argument_};
  const size_t count = argument_ == nullptr ? 0 : 1;
  const bool was_in_python = loop_.set_in_python(true);
  PyRef result = call_in_context(context_, callback_.get(), arguments + 1,
                                 count | PY_VECTORCALL_ARGUMENTS_OFFSET);
  loop_.set_in_python(was_in_python);
  return result;
}

}  // namespace tricorn
