// SocketCall: connect and accept. See connect(2), accept(2).
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "worker/asyncio/connect_error.h"
#include "worker/asyncio/plain_socket.h"
#include "worker/asyncio/socket_address.h"
#include "worker/asyncio/socket_call.h"

namespace tricorn {
namespace {

Progress end_of_connect(SocketCall& call) {
  const int error = connect_error_of(call.fd);
  if (error == 0) return done_with(call, PyRef::none());
  set_connect_error(error, call.address.get());
  return Progress::kError;
}

// The address is looked at, and the audit event raised, by the socket's own method.
Progress begin_to_connect(SocketCall& call) {
  if (Progress called = call_method(call, "connect_ex", {call.address.get()});
      called != Progress::kDone) {
    return called;
  }
  const long error = PyLong_AsLong(call.result.get());
  if (error == 0) return done_with(call, PyRef::none());
  // A unix socket's EAGAIN means that the listener's queue is full: there is nothing to wait for.
  if (error == EINPROGRESS || error == EINTR || error == EALREADY) {
    // To this host itself it is done by now, only connect() could not tell. A failure's error is
    // left for the next turn: who is cancelled before may connect again, and the system gives
    // ECONNABORTED to who does when it was taken.
    pollfd done{.fd = call.fd, .events = POLLOUT, .revents = 0};
    const bool connected = ::poll(&done, 1, 0) == 1 && done.revents == POLLOUT;
    return connected ? done_with(call, PyRef::none()) : Progress::kMustWait;
  }
  errno = static_cast<int>(error);
  PyErr_SetFromErrno(PyExc_OSError);
  return Progress::kError;
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
  return end_of_connect(call);
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
