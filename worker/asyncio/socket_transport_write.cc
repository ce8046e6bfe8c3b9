// SocketTransport: writing.
#include <sys/socket.h>

#include <cerrno>
#include <span>

#include "common/socket_output.h"
#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/bytes_view.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/socket_transport.h"

namespace tricorn {
namespace {

constexpr size_t kFlushAbove = 64 * 1024;   // no more than this waits for the callback's end
constexpr uint32_t kWarnFromLostWrite = 5;  // asyncio's LOG_THRESHOLD_FOR_CONNLOST_WRITES

}  // namespace

bool SocketTransport::may_write(const char* method) {
  const char* reason = nullptr;
  if (eof_written_) reason = "Cannot call %s() after write_eof()";
  if (empty_waiter_) reason = "unable to %s; sendfile is in progress";
  if (reason != nullptr) PyErr_Format(PyExc_RuntimeError, reason, method);
  return reason == nullptr;
}

bool SocketTransport::write(PyObject* data) {
  BytesView view;
  if (!view.open(data) || !may_write("write")) return false;
  if (view.bytes().empty()) return true;
  if (lost_ != 0 || loop_ == nullptr) {
    warn_lost();
  } else {
    write_bytes(data, view.bytes());
  }
  return true;
}

void SocketTransport::write_bytes(PyObject* data, std::string_view bytes) {
  const uint64_t callback = loop_->flushes().callback_number();
  const bool first = callback != last_write_callback_;
  if (first) {
    if (writes_in_callback_ != 0) habit_->note(writes_in_callback_ > 1);
    last_write_callback_ = callback;
    writes_in_callback_ = 0;
  }
  ++writes_in_callback_;
  if (first && queue_.empty() && !habit_->joins()) {
    bytes = send_now(bytes);
    if (bytes.empty() || lost_ != 0) return;
  }
  keep(data, bytes);
  after_append();
}

std::string_view SocketTransport::send_now(std::string_view bytes) {
  loop_->io().note_output();
  ssize_t sent;
  do {
    sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno != EAGAIN) {
    set_os_error(errno);
    fatal_error("Fatal write error on socket transport");
    return {};
  }
  if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
  if (!bytes.empty()) {
    awaits_writable_ = true;
    update_interest();
  }
  return bytes;
}

// A bytes object never changes: a large one is kept, what may change is copied.
void SocketTransport::keep(PyObject* data, std::string_view bytes) {
  if (PyBytes_CheckExact(data) && bytes.size() >= OutputQueue::kCopyBelow) {
    auto release = [](void* owner) noexcept { PyRef::steal(static_cast<PyObject*>(owner)); };
    queue_.append(Chunk(bytes, PyRef::borrow(data).release(), release));
  } else {
    queue_.append(bytes);
  }
}

void SocketTransport::after_append() {
  if (!awaits_writable_ && queue_.size() > kFlushAbove) flush();
  if (lost_ != 0) return;
  if (!awaits_writable_ && !queue_.empty() && !flush_due_) {
    flush_due_ = true;
    loop_->flushes().add(*this);
  }
  if (awaits_writable_ && limits_.grown_to(queue_.size())) tell_to_pause();
}

bool SocketTransport::write_lines(PyObject* lines) {
  if (!may_write("writelines")) return false;
  PyRef all = PyRef::steal(PySequence_Fast(lines, "writelines() needs an iterable"));
  if (!all) return false;
  const std::span lines_to_write(PySequence_Fast_ITEMS(all.get()),
                                 static_cast<size_t>(PySequence_Fast_GET_SIZE(all.get())));
  for (PyObject* line : lines_to_write) {  // one that is refused takes the others with it
    if (!BytesView().open(line)) return false;
  }
  for (PyObject* line : lines_to_write) {
    BytesView view;
    if (!view.open(line)) return false;
    if (view.bytes().empty()) continue;
    if (lost_ != 0 || loop_ == nullptr) {
      warn_lost();
    } else {
      keep(line, view.bytes());
    }
  }
  if (lost_ != 0 || loop_ == nullptr) return true;
  if (!awaits_writable_ && !habit_->joins()) flush();
  if (lost_ == 0) after_append();
  return true;
}

bool SocketTransport::write_eof() {
  if (closing_ || eof_written_) return true;
  eof_written_ = true;
  if (!awaits_writable_ && !queue_.empty()) flush();
  if (queue_.empty() && lost_ == 0) ::shutdown(fd_, SHUT_WR);
  return true;
}

void SocketTransport::flush_writes() noexcept {
  flush_due_ = false;
  if (loop_ == nullptr || lost_ != 0) return;
  PyRef keep_alive = PyRef::borrow(self_);
  EnteredContext entered(context_.get());
  if (!awaits_writable_) flush();
  if (lost_ == 0 && limits_.grown_to(queue_.size())) tell_flow(&StreamSink::pause_writing);
}

void SocketTransport::flush() {
  if (loop_ != nullptr) loop_->io().note_output();
  while (!queue_.empty()) {
    const SendResult result = send_front(fd_, queue_);
    if (result.interrupted) continue;
    if (result.error != 0) {
      set_os_error(result.error);
      queue_.clear();
      return fatal_error("Fatal write error on socket transport");
    }
    queue_.consume(result.sent);
    if (result.full) break;
  }
  if (!queue_.empty()) {
    awaits_writable_ = true;
    update_interest();
  }
  if (limits_.shrunk_to(queue_.size())) tell_flow(&StreamSink::resume_writing);
  if (queue_.empty() && lost_ == 0) drained();
}

void SocketTransport::drained() {
  if (empty_waiter_) complete_future(*loop_, empty_waiter_.get());
  if (closing_) {
    lose(PyRef::none());
  } else if (eof_written_) {
    ::shutdown(fd_, SHUT_WR);
  }
}

void SocketTransport::tell_flow(bool (StreamSink::*tell)()) {
  std::shared_ptr<StreamSink> sink = sink_;
  if (!sink || (sink.get()->*tell)()) return;
  report_failure(*loop_, PyError::take(), sink->failure(), self_, sink->protocol());
}

// From a call of the user's, who may be in any context.
void SocketTransport::tell_to_pause() {
  const EnteredContext entered(context_.get());
  tell_flow(&StreamSink::pause_writing);
}

void SocketTransport::warn_lost() {
  if (lost_ >= kWarnFromLostWrite) {
    PyRef logged = PyRef::steal(PyObject_CallMethod(asyncio_names.logger.get(), "warning", "s",
                                                    "socket.send() raised exception."));
    if (!logged) PyError::take().unraisable(self_);
  }
  ++lost_;
}

size_t SocketTransport::write_buffer_size() {
  if (loop_ != nullptr && lost_ == 0 && !awaits_writable_ && !queue_.empty()) flush();
  return queue_.size();
}

bool SocketTransport::set_limits(size_t high, size_t low) {
  limits_.set(high, low);
  if (limits_.grown_to(write_buffer_size())) tell_to_pause();
  return true;
}

PyRef SocketTransport::make_empty_waiter() {
  if (empty_waiter_) {
    PyErr_SetString(PyExc_RuntimeError, "Empty waiter is already set");
    return {};
  }
  if (loop_ == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "Transport is closed");
    return {};
  }
  if (!awaits_writable_ && !queue_.empty()) flush();
  PyRef waiter = loop_->create_future();
  if (!waiter) return {};
  empty_waiter_ = waiter.clone();
  if (queue_.empty()) complete_future(*loop_, waiter.get());
  return waiter;
}

// Who sent the file has watched the descriptor in between.
void SocketTransport::reset_empty_waiter() {
  empty_waiter_.reset();
  update_interest();
}

}  // namespace tricorn
