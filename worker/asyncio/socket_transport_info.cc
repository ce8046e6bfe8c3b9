// SocketTransport: what get_extra_info() and repr() say.
#include <cerrno>
#include <string>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/socket_transport.h"

namespace tricorn {
namespace {

bool is(PyObject* name, const char* text) {
  return PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, text) == 0;
}

template <class Call>
std::unique_ptr<SockAddr> address_by(Call&& call, int fd) {
  auto address = std::make_unique<SockAddr>();
  address->make_room();
  if (call(fd, &address->base, &address->length) != 0) return nullptr;
  return address;
}

// As asyncio: an address that cannot be had is None.
PyRef or_none(PyRef value) {
  if (value) return value;
  PyErr_Clear();
  return PyRef::none();
}

}  // namespace

std::unique_ptr<SockAddr> peer_address_of(int fd) { return address_by(::getpeername, fd); }
std::unique_ptr<SockAddr> own_address_of(int fd) { return address_by(::getsockname, fd); }

// An accepted connection has no Python socket until somebody asks for it; then that owns the
// descriptor.
PyRef SocketTransport::socket() {
  if (socket_ || fd_ < 0) return socket_.clone();
  int family = 0;
  int protocol = 0;
  socklen_t size = sizeof family;
  ::getsockopt(fd_, SOL_SOCKET, SO_DOMAIN, &family, &size);
  ::getsockopt(fd_, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  socket_ = PyRef::steal(PyObject_CallFunction(asyncio_names.socket_class.get(), "iiii", family,
                                               SOCK_STREAM | SOCK_NONBLOCK, protocol, fd_));
  if (socket_) use_socket();
  return socket_.clone();
}

PyRef SocketTransport::extra_info(PyObject* name, PyObject* missing) {
  if (extra_) {
    PyObject* value = PyDict_GetItemWithError(extra_.get(), name);
    if (value != nullptr || PyErr_Occurred() != nullptr) return PyRef::borrow(value);
  }
  PyRef value;
  if (is(name, "peername")) {
    value = or_none(peer_ ? address_object(*peer_) : PyRef());
  } else if (is(name, "sockname")) {
    value = own_name();
  } else if (is(name, "socket")) {
    PyRef plain = socket();
    if (!plain && PyErr_Occurred() == nullptr) return PyRef::borrow(missing);
    if (plain) {
      value = PyRef::steal(
          PyObject_CallOneArg(asyncio_names.transport_socket_class.get(), plain.get()));
    }
    if (!value) return {};
  } else {
    return PyRef::borrow(missing);
  }
  if (!extra_) extra_ = PyRef::steal(PyDict_New());
  if (!extra_ || PyDict_SetItem(extra_.get(), name, value.get()) < 0) return {};
  return value;
}

PyRef SocketTransport::own_name() {
  const std::unique_ptr<SockAddr> now = fd_ < 0 ? nullptr : own_address_of(fd_);
  const SockAddr* address = now ? now.get() : own_.get();
  return or_none(address != nullptr ? address_object(*address) : PyRef());
}

// As asyncio's transports describe themselves.
PyRef SocketTransport::repr() {
  std::string text = "<SocketTransport";
  if (loop_ == nullptr || fd_ < 0) {
    text += " closed";
  } else {
    if (closing_) text += " closing";
    text += " fd=" + std::to_string(fd_);
    const bool reads = (loop_->io().wanted(fd_) & EPOLLIN) != 0;
    text += reads ? " read=polling" : " read=idle";
    text += awaits_writable_ ? " write=<polling" : " write=<idle";
    text += ", bufsize=" + std::to_string(queue_.size()) + ">";
  }
  text += ">";
  return PyRef::steal(PyUnicode_FromString(text.c_str()));
}

}  // namespace tricorn
