// WritePipeTransport: see the header.
#include "worker/asyncio/write_pipe_transport.h"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "worker/asyncio/bytes_view.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/io_scope.h"
#include "worker/python/object_chunk.h"

namespace tricorn {

WritePipeTransport::WritePipeTransport(PyObject* self, CoreParts parts, bool watches_peer)
    : WritingTransport(self, std::move(parts), core_calls<WritePipeTransport>()),
      watches_peer_(watches_peer) {}

void WritePipeTransport::update_interest() {
  uint32_t events = awaits_writable_ ? uint32_t{EPOLLOUT} : 0;
  if (begun_ && watches_peer_) events |= EPOLLIN;
  loop_->io().want(fd_, events, *this);
}

void WritePipeTransport::on_io(int, uint32_t events) noexcept {
  const IoScope scope(*loop_, self_, context_.get());
  if (watches_peer_ && (events & ~uint32_t{EPOLLOUT}) != 0) {
    peer_closed();
  } else if (awaits_writable_) {
    flush();
  }
}

void WritePipeTransport::peer_closed() {
  if (queue_.empty()) return abort({});
  abort(PyRef::steal(PyObject_CallNoArgs(PyExc_BrokenPipeError)));
}

bool WritePipeTransport::write(PyObject* data) {
  BytesView view;
  if (!view.open(data)) return false;
  std::string_view bytes = view.bytes();
  if (bytes.empty()) return true;
  if (closing_ || !alive()) {
    count_lost_write("pipe closed by peer or os.write(pipe, data) raised exception.");
    return true;
  }
  if (queue_.empty()) {
    bytes = write_now(bytes);
    if (bytes.empty() || !alive()) return true;
    awaits_writable_ = true;
    update_interest();
  }
  // What may still change is copied.
  queue_.append(PyBytes_CheckExact(data) ? chunk_of(bytes, data) : Chunk::borrowed(bytes));
  buffer_grew();
  return true;
}

std::string_view WritePipeTransport::write_now(std::string_view bytes) {
  ssize_t count;
  do {
    count = ::write(fd_, bytes.data(), bytes.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno != EAGAIN) {
    set_os_error(errno);
    fatal_error("Fatal write error on pipe transport");
    return {};
  }
  if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
  return bytes;
}

void WritePipeTransport::flush() {
  while (!queue_.empty()) {
    if (!write_front()) break;
  }
  if (!alive()) return;
  awaits_writable_ = !queue_.empty();
  buffer_shrank();  // may write more, or close
  if (!alive()) return;
  if (closing_ && queue_.empty()) return lose(PyRef::none());
  update_interest();
}

bool WritePipeTransport::write_front() {
  std::array<iovec, OutputQueue::kMaxIovecs> pieces;
  const size_t count = queue_.iovecs(pieces);
  size_t offered = 0;
  for (size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
  const ssize_t written = ::writev(fd_, pieces.data(), static_cast<int>(count));
  if (written >= 0) {
    queue_.consume(static_cast<size_t>(written));
    return static_cast<size_t>(written) == offered;
  }
  if (errno == EINTR) return true;
  if (errno != EAGAIN) {
    set_os_error(errno);
    fatal_error("Fatal write error on pipe transport");
  }
  return false;
}

void WritePipeTransport::close() {
  if (closing_ || loop_ == nullptr) return;
  if (loop_->closed()) return abort({});
  closing_ = true;
  if (queue_.empty()) lose(PyRef::none());
}

void WritePipeTransport::drop_output() {
  awaits_writable_ = false;
  queue_.clear();
}

void WritePipeTransport::clear() {
  drop_output();
  WritingTransport::clear();
}

PyRef WritePipeTransport::make_info(PyObject* name) {
  return is_name(name, "pipe") ? file_.clone() : PyRef();
}

PyRef WritePipeTransport::repr() const {
  std::string text = "<WritePipeTransport" + state_text();
  if (alive() && loop_->closed()) {
    text += " open";
  } else if (alive()) {
    text += awaits_writable_ ? " polling" : " idle";
    text += " bufsize=" + std::to_string(queue_.size());
  }
  text += ">";
  return PyRef::steal(PyUnicode_FromStringAndSize(text.data(), std::ssize(text)));
}

}  // namespace tricorn
