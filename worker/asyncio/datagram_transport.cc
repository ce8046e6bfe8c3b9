// DatagramTransport: life and receiving.
#include "worker/asyncio/datagram_transport.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/io_scope.h"
#include "worker/asyncio/received_bytes.h"
#include "worker/python/interned.h"

namespace tricorn {
namespace {

using NameCall = int(int fd, sockaddr* address, socklen_t* length) noexcept;

// By getpeername or getsockname. False: there is none.
bool read_name(NameCall* name_call, int fd, SockAddr& out) {
  out.make_room();
  const bool known = name_call(fd, &out.base, &out.length) == 0;
  if (!known) out.length = 0;
  return known;
}

}  // namespace

DatagramTransport::DatagramTransport(PyObject* self, Parts parts)
    : WritingTransport(self, std::move(parts.core), core_calls<DatagramTransport>()),
      family_(parts.family),
      connected_(read_name(::getpeername, fd_, peer_)),
      remote_(std::move(parts.remote)) {
  read_name(::getsockname, fd_, first_name_);
}

void DatagramTransport::update_interest() {
  uint32_t events = awaits_writable_ ? uint32_t{EPOLLOUT} : 0;
  if (begun_ && is_reading()) events |= EPOLLIN;
  loop_->io().want(fd_, events, *this);
}

void DatagramTransport::on_io(int, uint32_t events) noexcept {
  const IoScope scope(*loop_, self_, context_.get());
  if (awaits_writable_ && (events & ~uint32_t{EPOLLIN}) != 0) flush();
  if (begun_ && is_reading() && (events & ~uint32_t{EPOLLOUT}) != 0) read_ready();
}

void DatagramTransport::read_ready() {
  const int limit = bursts_.limit();
  int received = 0;
  while (received < limit && is_reading() && receive()) ++received;
  if (limit > 1) bursts_.note(received);
}

bool DatagramTransport::receive() {
  const std::span<char> buffer = shared_read_buffer();
  SockAddr from;
  from.make_room();
  const ssize_t count =
      ::recvfrom(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT, &from.base, &from.length);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    set_os_error(errno);
    const PyError error = PyError::take();
    return call(interned.error_received, error.exception()) ||
           report("Error in protocol.error_received()");
  }
  PyRef data = PyRef::steal(PyBytes_FromStringAndSize(buffer.data(), count));
  PyRef address = data ? sender(from) : PyRef();
  if (!address) {
    fatal_error("Fatal read error on datagram transport");
    return false;
  }
  return call(interned.datagram_received, data.get(), address.get()) ||
         report("Error in protocol.datagram_received()");
}

// Most datagrams come from where the last one did.
PyRef DatagramTransport::sender(const SockAddr& address) {
  if (last_sender_.object && last_sender_.address == address) return last_sender_.object.clone();
  PyRef object = address_object(address);
  if (!object || object.get() == Py_None) return object;
  last_sender_.address = address;
  last_sender_.object = object.clone();
  return object;
}

void DatagramTransport::pause_reading() {
  if (!is_reading()) return;
  paused_ = true;
  if (alive()) update_interest();
}

void DatagramTransport::resume_reading() {
  if (closing_ || !paused_) return;
  paused_ = false;
  if (alive()) update_interest();
}

void DatagramTransport::close() {
  if (closing_ || loop_ == nullptr) return;
  if (loop_->closed()) return abort({});
  closing_ = true;
  if (queue_.empty()) {
    lose(PyRef::none());
  } else {
    update_interest();
  }
}

PyRef DatagramTransport::make_info(PyObject* name) {
  if (is_name(name, "socket")) {
    return PyRef::steal(
        PyObject_CallOneArg(asyncio_names.transport_socket_class.get(), file_.get()));
  }
  if (is_name(name, "peername")) return connected_ ? address_object(peer_) : PyRef::none();
  if (!is_name(name, "sockname")) return {};
  SockAddr now;  // what was not bound may have got its port by sending
  const bool known = fd_ >= 0 && read_name(::getsockname, fd_, now);
  return address_object(known ? now : first_name_);
}

// As asyncio's transports describe themselves.
PyRef DatagramTransport::repr() const {
  std::string text = "<DatagramTransport" + state_text();
  if (loop_ != nullptr && !loop_->closed()) {
    const bool reads = alive() && (loop_->io().wanted(fd_) & EPOLLIN) != 0;
    text += reads ? " read=polling" : " read=idle";
    text += awaits_writable_ ? " write=<polling" : " write=<idle";
    text += ", bufsize=" + std::to_string(queued_bytes_) + ">";
  }
  text += ">";
  return PyRef::steal(PyUnicode_FromStringAndSize(text.data(), std::ssize(text)));
}

int DatagramTransport::traverse(visitproc visit, void* arg) const {
  for (const PyRef* ref : {&remote_, &last_target_.object}) {
    if (int stop = ref->traverse(visit, arg)) return stop;
  }
  for (const Queued& queued : queue_) {
    if (int stop = queued.address.traverse(visit, arg)) return stop;
  }
  return WritingTransport::traverse(visit, arg);
}

void DatagramTransport::clear() {
  drop_output();
  WritingTransport::clear();
}

}  // namespace tricorn
