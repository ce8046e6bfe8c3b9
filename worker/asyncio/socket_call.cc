// SocketCall: what all attempts have in common.
#include "worker/asyncio/socket_call.h"

#include <cerrno>
#include <iterator>

namespace tricorn {

void SocketCall::clear() {
  release_view();
  for (PyRef* held : {&socket, &data, &address, &result}) held->reset();
}

int SocketCall::traverse(visitproc visit, void* arg) const {
  for (const PyRef* held : {&socket, &data, &address, &result}) {
    if (int stop = held->traverse(visit, arg)) return stop;
  }
  return view.obj == nullptr ? 0 : visit(view.obj, arg);
}

Progress failed_with(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) return Progress::kMustWait;
  errno = error;
  PyErr_SetFromErrno(PyExc_OSError);
  return Progress::kError;
}

Progress done_with(SocketCall& call, PyRef result) {
  call.result = std::move(result);
  return call.result ? Progress::kDone : Progress::kError;
}

Progress call_method(SocketCall& call, const char* name,
                     std::initializer_list<PyObject*> arguments) {
  PyRef method = PyRef::steal(PyObject_GetAttrString(call.socket.get(), name));
  if (!method) return Progress::kError;
  PyRef result = PyRef::steal(
      PyObject_Vectorcall(method.get(), std::data(arguments), arguments.size(), nullptr));
  if (!result && (PyErr_ExceptionMatches(PyExc_BlockingIOError) != 0 ||
                  PyErr_ExceptionMatches(PyExc_InterruptedError) != 0)) {
    PyErr_Clear();
    return Progress::kMustWait;
  }
  return done_with(call, std::move(result));
}

}  // namespace tricorn
