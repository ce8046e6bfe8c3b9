// ReadPipeTransport: see the header.
#include "worker/asyncio/read_pipe_transport.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/io_scope.h"
#include "worker/asyncio/received_bytes.h"
#include "worker/python/interned.h"

namespace tricorn {

ReadPipeTransport::ReadPipeTransport(PyObject* self, CoreParts parts)
    : TransportCore(self, std::move(parts), core_calls<ReadPipeTransport>()) {}

void ReadPipeTransport::update_interest() {
  const bool reads = begun_ && is_reading();
  loop_->io().want(fd_, reads ? uint32_t{EPOLLIN} : 0, *this);
}

void ReadPipeTransport::on_io(int, uint32_t) noexcept {
  const IoScope scope(*loop_, self_, context_.get());
  if (is_reading()) read_ready();
  // A device that epoll refuses, as /dev/zero, is always ready: it is asked about once for each.
  if (alive()) update_interest();
}

void ReadPipeTransport::read_ready() {
  const std::span<char> buffer = shared_read_buffer();
  const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    set_os_error(errno);
    return fatal_error("Fatal read error on pipe transport");
  }
  if (count == 0) {
    ended_ = true;
    return lose(PyRef::none());
  }
  const PyRef data = PyRef::steal(PyBytes_FromStringAndSize(buffer.data(), count));
  if (!data) return fatal_error("Fatal read error on pipe transport");
  if (!call(interned.data_received, data.get())) report("Error in protocol.data_received()");
}

void ReadPipeTransport::before_connection_lost() {
  if (ended_ && !call(interned.eof_received)) report("Error in protocol.eof_received()");
}

// What a terminal says whose other side is gone.
bool ReadPipeTransport::is_quiet(const PyError& error) const {
  if (!error.matches(PyExc_OSError)) return false;
  const PyRef number = PyRef::steal(PyObject_GetAttrString(error.exception(), "errno"));
  if (!number) static_cast<void>(PyError::take());
  return number && PyLong_Check(number.get()) && PyLong_AsLong(number.get()) == EIO;
}

void ReadPipeTransport::pause_reading() {
  if (!is_reading()) return;
  paused_ = true;
  if (alive()) update_interest();
}

void ReadPipeTransport::resume_reading() {
  if (closing_ || !paused_) return;
  paused_ = false;
  if (alive()) update_interest();
}

PyRef ReadPipeTransport::make_info(PyObject* name) {
  return is_name(name, "pipe") ? file_.clone() : PyRef();
}

PyRef ReadPipeTransport::repr() const {
  std::string text = "<ReadPipeTransport" + state_text();
  if (alive() && loop_->closed()) {
    text += " open";
  } else if (alive()) {
    text += (loop_->io().wanted(fd_) & EPOLLIN) != 0 ? " polling" : " idle";
  }
  text += ">";
  return PyRef::steal(PyUnicode_FromStringAndSize(text.data(), std::ssize(text)));
}

}  // namespace tricorn
