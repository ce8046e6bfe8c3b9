// TlsStream: writing.
#include <utility>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/bytes_view.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/tls_stream.h"

namespace tricorn {
namespace {

constexpr uint32_t kWarnFromLostWrite = 5;  // asyncio's LOG_THRESHOLD_FOR_CONNLOST_WRITES
constexpr const char* kFatal = "Fatal error on SSL protocol";

}  // namespace

bool TlsStream::write(PyObject* data) {
  BytesView view;
  if (!view.open(data, "data: expecting a bytes-like instance, got %s")) return false;
  if (!view.bytes().empty()) write_view(data, view.bytes());
  return true;
}

bool TlsStream::write_lines(PyObject* lines) {
  PyRef nothing = PyRef::steal(PyBytes_FromStringAndSize(nullptr, 0));
  PyRef joined =
      PyRef::steal(nothing ? PyObject_CallMethod(nothing.get(), "join", "O", lines) : nullptr);
  return joined && write(joined.get());
}

void TlsStream::write_view(PyObject* data, std::string_view bytes) {
  if (!is_open() || (state_ != State::kWrapped && state_ != State::kHandshake)) return warn_lost();
  const bool at_once = state_ == State::kWrapped && backlog_.empty() && !encrypting_;
  if (!at_once) {
    if (!keep(bytes, false)) return fatal(kFatal);
    return send_output();
  }
  size_t written = 0;
  if (encrypt(data, bytes, written) == TlsResult::kFailed) return fatal(kFatal);
  if (written < bytes.size() && !keep(bytes.substr(written), true)) return fatal(kFatal);
  if (written == bytes.size() && !backlog_.empty()) return do_write();
  send_output();
  go_on_after_encrypting();
}

// Garbage may be collected meanwhile, and its finalizers write and close: what they write waits in
// the backlog, and what they close goes on afterwards.
TlsResult TlsStream::encrypt(PyObject* data, std::string_view bytes, size_t& written) {
  encrypting_ = true;
  const TlsResult result = session_.write(data, bytes, written);
  encrypting_ = false;
  return result;
}

void TlsStream::go_on_after_encrypting() {
  if (std::exchange(flush_due_, false)) do_flush();
}

bool TlsStream::keep(std::string_view bytes, bool in_front) {
  PyRef copy =
      PyRef::steal(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
  if (!copy) return false;
  backlog_.insert(in_front ? backlog_.begin() : backlog_.end(), std::move(copy));
  backlog_size_ += bytes.size();
  return true;
}

bool TlsStream::append_to_backlog(PyObject* data) {
  if (!PyBytes_CheckExact(data)) {
    PyErr_SetString(PyExc_TypeError, "bytes expected");
    return false;
  }
  backlog_.push_back(PyRef::borrow(data));
  backlog_size_ += static_cast<size_t>(PyBytes_GET_SIZE(data));
  return true;
}

void TlsStream::do_write() {
  if (encrypting_) return;
  while (!backlog_.empty()) {
    PyRef data = std::move(backlog_.front());
    backlog_.pop_front();
    const std::string_view bytes(PyBytes_AS_STRING(data.get()),
                                 static_cast<size_t>(PyBytes_GET_SIZE(data.get())));
    backlog_size_ -= bytes.size();
    size_t written = 0;
    const TlsResult result = encrypt(data.get(), bytes, written);
    if (written == bytes.size()) continue;
    if (result == TlsResult::kFailed || !keep(bytes.substr(written), true)) return fatal(kFatal);
    break;
  }
  send_output();
  go_on_after_encrypting();
}

// To the socket transport, which joins what is written in one callback.
void TlsStream::send_output() {
  if (!is_open()) return;
  if (sending_paused_) {
    outgoing_size_ = session_.outgoing_size();
  } else {
    outgoing_size_ = 0;
    PyRef ciphertext = session_.take_output();
    const bool handed_on =
        ciphertext && (PyList_CheckExact(ciphertext.get()) ? below().write_lines(ciphertext.get())
                                                           : below().write(ciphertext.get()));
    if (!handed_on) return fatal(kFatal);
  }
  control_writing();
}

void TlsStream::resume_sending() {
  sending_paused_ = false;
  send_output();
}

void TlsStream::control_writing() {
  const size_t size = write_buffer_size();
  // Unlike a plain transport's, this limit counts as exceeded when it is reached.
  if (size > 0 && write_limits_.grown_to(size + 1)) {
    const EnteredContext entered(below().context());  // write() is called in any
    return tell_flow(&StreamSink::pause_writing);
  }
  if (write_limits_.shrunk_to(size)) tell_flow(&StreamSink::resume_writing);
}

void TlsStream::tell_flow(bool (StreamSink::*tell)()) {
  std::shared_ptr<PythonProtocol> app = app_;
  if (!app || (app.get()->*tell)()) return;
  // As asyncio: told, and nothing else happens.
  PyError error = PyError::take();
  PyRef context = PyRef::steal(Py_BuildValue("{s:s,s:O,s:O,s:O}", "message", app->failure(),
                                             "exception", error.exception(), "transport", self_,
                                             "protocol", app->protocol()));
  if (!context) return PyError::take().unraisable(self_);
  loop_->report_context(std::move(error), std::move(context));
}

void TlsStream::warn_lost() {
  if (lost_writes_ >= kWarnFromLostWrite) {
    PyRef logged = PyRef::steal(PyObject_CallMethod(asyncio_names.logger.get(), "warning", "s",
                                                    "SSL connection is closed"));
    if (!logged) PyError::take().unraisable(self_);
  }
  ++lost_writes_;
}

}  // namespace tricorn
