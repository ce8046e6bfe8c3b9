// SocketCall: send and sendto. See send(2).
#include <sys/socket.h>

#include <cerrno>

#include "worker/asyncio/plain_socket.h"
#include "worker/asyncio/socket_address.h"
#include "worker/asyncio/socket_call.h"

namespace tricorn {
namespace {

// A client that is gone is an error, no signal.
constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

// What is sent, for one attempt: of `bytes` directly, of all else through a view. False with an
// error set.
bool look_at(SocketCall& call, const char*& data, size_t& size) {
  PyObject* object = call.data.get();
  if (PyBytes_CheckExact(object) != 0) {
    data = PyBytes_AS_STRING(object);
    size = static_cast<size_t>(PyBytes_GET_SIZE(object));
    return true;
  }
  // Kept until all is sent: meanwhile the object keeps its size.
  if (call.view.obj == nullptr && PyObject_GetBuffer(object, &call.view, PyBUF_SIMPLE) < 0) {
    return false;
  }
  data = static_cast<const char*>(call.view.buf);
  size = static_cast<size_t>(call.view.len);
  return true;
}

// A negative errno, or a count. `to` may be null.
ssize_t send(int fd, const char* data, size_t size, const SockAddr* to) {
  ssize_t count = 0;
  do {
    count = ::sendto(fd, data, size, kFlags, to == nullptr ? nullptr : &to->base,
                     to == nullptr ? 0 : to->length);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

}  // namespace

Progress attempt_sendall(SocketCall& call) {
  const char* data = nullptr;
  size_t size = 0;
  if (!look_at(call, data, size)) return Progress::kError;
  const ssize_t count = send(call.fd, data + call.sent, size - call.sent, nullptr);
  if (count < 0) return failed_with(static_cast<int>(-count));
  call.sent += static_cast<size_t>(count);
  return call.sent < size ? Progress::kMustWait : done_with(call, PyRef::none());
}

Progress attempt_sendto(SocketCall& call) {
  SockAddr to;
  if (!read_address(family_of_socket(call.socket.get()), call.address.get(), to)) {
    return call_method(call, "sendto", {call.data.get(), call.address.get()});
  }
  const char* data = nullptr;
  size_t size = 0;
  if (PySys_Audit("socket.sendto", "OO", call.socket.get(), call.address.get()) < 0 ||
      !look_at(call, data, size)) {
    return Progress::kError;
  }
  const ssize_t count = send(call.fd, data, size, &to);
  if (count < 0) return failed_with(static_cast<int>(-count));
  return done_with(call, PyRef::steal(PyLong_FromSsize_t(count)));
}

}  // namespace tricorn
