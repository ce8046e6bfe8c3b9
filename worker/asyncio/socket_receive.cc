// SocketCall: recv and its kin. See recv(2).
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "worker/asyncio/plain_socket.h"
#include "worker/asyncio/received_bytes.h"
#include "worker/asyncio/socket_address.h"
#include "worker/asyncio/socket_call.h"

namespace tricorn {
namespace {

// A negative errno, or a count. `from` may be null.
ssize_t receive(int fd, void* data, size_t size, SockAddr* from) {
  ssize_t count = 0;
  do {
    if (from != nullptr) from->make_room();
    count = ::recvfrom(fd, data, size, MSG_DONTWAIT, from == nullptr ? nullptr : &from->base,
                       from == nullptr ? nullptr : &from->length);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

// A message must fit in: what does not is lost. One that large has memory of its own.
Progress receive_message(SocketCall& call) {
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(call.size));
  if (bytes == nullptr) return Progress::kError;
  const ssize_t count = receive(call.fd, PyBytes_AS_STRING(bytes), call.size, nullptr);
  if (count < 0) {
    PyRef unused = PyRef::steal(bytes);
    return failed_with(static_cast<int>(-count));
  }
  _PyBytes_Resize(&bytes, count);
  return done_with(call, PyRef::steal(bytes));
}

bool has_known_addresses(const SocketCall& call) {
  const int family = family_of_socket(call.socket.get());
  return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

// (`received`, the address); null with an error set.
PyRef with_address(PyRef received, const SockAddr& from) {
  PyRef address = received ? address_object(from) : PyRef();
  return address ? PyRef::steal(PyTuple_Pack(2, received.get(), address.get())) : PyRef();
}

// The writable memory of an object, for a scope.
class WritableView {
 public:
  explicit WritableView(PyObject* object) {
    if (PyObject_GetBuffer(object, &view_, PyBUF_WRITABLE) == 0) return;
    PyErr_Clear();  // the socket's method says it in its own words
    view_.obj = nullptr;
  }
  ~WritableView() {
    if (view_.obj != nullptr) PyBuffer_Release(&view_);
  }
  WritableView(const WritableView&) = delete;
  WritableView& operator=(const WritableView&) = delete;

  explicit operator bool() const { return view_.obj != nullptr; }
  void* data() const { return view_.buf; }
  size_t size() const { return static_cast<size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

// Whether a read of `count` has left nothing behind. The end of a stream stays there.
bool has_drained(size_t count, size_t asked) { return count > 0 && count < asked; }

PyRef number(size_t value) { return PyRef::steal(PyLong_FromSize_t(value)); }

}  // namespace

Progress attempt_recv(SocketCall& call) {
  if (call.size == 0) return done_with(call, PyRef::steal(PyBytes_FromStringAndSize(nullptr, 0)));
  if (call.size > kMuchAtOnce && type_of_socket(call.socket.get()) != SOCK_STREAM) {
    return receive_message(call);
  }
  Received received = receive_bytes(call.fd, call.habits.much, call.size);
  if (received.count < 0) return failed_with(static_cast<int>(-received.count));
  const auto count = static_cast<size_t>(received.count);
  call.habits = {has_drained(count, std::min(call.size, kMuchAtOnce)), count >= kMuch};
  if (count == 0) received.bytes = PyRef::steal(PyBytes_FromStringAndSize(nullptr, 0));
  return done_with(call, std::move(received.bytes));
}

Progress attempt_recv_into(SocketCall& call) {
  WritableView view(call.data.get());
  if (!view) return call_method(call, "recv_into", {call.data.get()});
  ssize_t count = 0;
  if (view.size() > 0) count = receive(call.fd, view.data(), view.size(), nullptr);
  if (count < 0) return failed_with(static_cast<int>(-count));
  call.habits.drained = has_drained(static_cast<size_t>(count), view.size());
  return done_with(call, number(static_cast<size_t>(count)));
}

Progress attempt_recvfrom(SocketCall& call) {
  const std::span<char> buffer = shared_read_buffer();
  if (call.size == 0 || call.size > buffer.size() || !has_known_addresses(call)) {
    PyRef size = number(call.size);
    return size ? call_method(call, "recvfrom", {size.get()}) : Progress::kError;
  }
  SockAddr from;
  const ssize_t count = receive(call.fd, buffer.data(), call.size, &from);
  if (count < 0) return failed_with(static_cast<int>(-count));
  return done_with(
      call, with_address(PyRef::steal(PyBytes_FromStringAndSize(buffer.data(), count)), from));
}

Progress attempt_recvfrom_into(SocketCall& call) {
  WritableView view(call.data.get());
  const size_t size = call.size == 0 ? view.size() : call.size;
  if (!view || size == 0 || size > view.size() || !has_known_addresses(call)) {
    PyRef given = number(call.size);
    if (!given) return Progress::kError;
    return call_method(call, "recvfrom_into", {call.data.get(), given.get()});
  }
  SockAddr from;
  const ssize_t count = receive(call.fd, view.data(), size, &from);
  if (count < 0) return failed_with(static_cast<int>(-count));
  return done_with(call, with_address(number(static_cast<size_t>(count)), from));
}

}  // namespace tricorn
