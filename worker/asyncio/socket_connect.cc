// SocketCall: connect and accept. See connect(2), accept(2).
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "worker/asyncio/plain_socket.h"
#include "worker/asyncio/socket_address.h"
#include "worker/asyncio/socket_call.h"

namespace tricorn {
namespace {

// The address is looked at, and the audit event raised, by the socket's own method.
Progress begin_to_connect(SocketCall& call) {
  if (Progress called = call_method(call, "connect_ex", {call.address.get()});
      called != Progress::kDone) {
    return called;
  }
  const long error = PyLong_AsLong(call.result.get());
  if (error == 0) return done_with(call, PyRef::none());
  // A unix socket's EAGAIN means that the listener's queue is full: there is nothing to wait for.
  if (error == EINPROGRESS || error == EINTR || error == EALREADY) return Progress::kMustWait;
  errno = static_cast<int>(error);
  PyErr_SetFromErrno(PyExc_OSError);
  return Progress::kError;
}

// In asyncio's words.
void set_connect_error(int error, PyObject* address) {
  PyRef text = PyRef::steal(PyUnicode_FromFormat("Connect call failed %S", address));
  PyRef exception =
      PyRef::steal(text ? PyObject_CallFunction(PyExc_OSError, "iO", error, text.get()) : nullptr);
  if (exception) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
  }
}

// (a socket around `fd`, the address); null with an error set.
PyRef accepted(const SocketCall& call, int fd, const SockAddr& from) {
  PyObject* listener = call.socket.get();
  PyRef socket = make_plain_socket(family_of_socket(listener), type_of_socket(listener),
                                   protocol_of_socket(listener), fd);
  if (!socket) return {};
  PyRef address = address_object(from);
  if (!address && PyErr_Occurred() == nullptr) {
    address = PyRef::steal(PyObject_CallMethod(socket.get(), "getpeername", nullptr));
  }
  return address ? PyRef::steal(PyTuple_Pack(2, socket.get(), address.get())) : PyRef();
}

}  // namespace

Progress attempt_connect(SocketCall& call) {
  if (!call.begun) {
    call.begun = true;
    return begin_to_connect(call);
  }
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(call.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) error = errno;
  if (error == 0) return done_with(call, PyRef::none());
  set_connect_error(error, call.address.get());
  return Progress::kError;
}

Progress attempt_accept(SocketCall& call) {
  SockAddr from;
  int fd = -1;
  do {
    from.make_room();
    fd = ::accept4(call.fd, &from.base, &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return failed_with(errno);
  return done_with(call, accepted(call, fd, from));
}

}  // namespace tricorn
