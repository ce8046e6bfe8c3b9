// TlsStream: handshake and shutdown.
#include "worker/asyncio/tls_stream.h"

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/tls_names.h"
#include "worker/loop/monotonic.h"

namespace tricorn {
namespace {

TlsStream& of(PyObject* self) { return SslTransportType::of(self); }

}  // namespace

void TlsStream::start_timer(NativeCall due, double seconds) {
  const double when = seconds_of(monotonic_ns()) + seconds;
  timer_ = loop_->call_at_native(due, self_, nullptr, when);
  if (!timer_) fatal("Fatal error on SSL protocol");
}

// Without an error set: in debug mode this runs Python code.
void TlsStream::stop_timer() {
  PyRef timer = std::move(timer_);
  if (timer) as_handle(timer).cancel();
}

void TlsStream::handshake_due(PyObject* self) noexcept {
  TlsStream& stream = of(self);
  if (!stream.is_open() || stream.state_ != State::kHandshake) return;
  PyErr_Format(PyExc_ConnectionAbortedError,
               "SSL handshake is taking longer than %S seconds: aborting the connection",
               stream.handshake_timeout_.get());
  stream.fatal("Fatal error on transport");
}

void TlsStream::shutdown_due(PyObject* self) noexcept {
  TlsStream& stream = of(self);
  if (!stream.is_open()) return;
  if (stream.state_ != State::kFlushing && stream.state_ != State::kShutdown) return;
  PyRef exception =
      PyRef::steal(PyObject_CallFunction(PyExc_TimeoutError, "s", "SSL shutdown timed out"));
  if (!exception) PyErr_Clear();
  stream.force_close(exception ? exception.get() : Py_None);
}

void TlsStream::advance() {
  switch (state_) {
    case State::kHandshake:
      return do_handshake();
    case State::kWrapped:
      return do_read();
    case State::kFlushing:
      return do_flush();
    case State::kShutdown:
      return do_shutdown();
    case State::kUnwrapped:
      return;
  }
}

void TlsStream::do_handshake() {
  switch (session_.handshake()) {
    case TlsResult::kAgain:
      return send_output();
    case TlsResult::kDone:
      return handshake_done();
    case TlsResult::kEnd:
      PyErr_SetNone(PyExc_ConnectionResetError);
      return handshake_failed();
    case TlsResult::kFailed:
      return handshake_failed();
  }
}

void TlsStream::handshake_done() {
  stop_timer();
  state_ = State::kWrapped;
  handshaken_ = true;
  if (app_state_ == AppState::kNew) {
    app_state_ = AppState::kConnected;
    std::shared_ptr<PythonProtocol> app = app_;
    if (!app->connected(self_)) {
      return fatal("Fatal error: protocol.buffer_updated() call failed.");
    }
  }
  // Who awaits start_tls() is to have this transport before its protocol gets data.
  const bool has_waiter = static_cast<bool>(waiter_);
  wake_waiter(nullptr);
  if (!is_open()) return;
  if (!has_waiter) return do_read();
  if (!loop_->call_soon_native(advance_due, self_, below().context())) {
    fatal("Fatal error on SSL protocol");
  }
}

// With an error set.
void TlsStream::handshake_failed() {
  const bool untrusted = PyErr_ExceptionMatches(tls_names()->certificate_error.get()) != 0;
  PyError error = PyError::take();
  PyRef exception = PyRef::borrow(error.exception());
  stop_timer();
  send_output();  // the alert that says why
  state_ = State::kUnwrapped;
  std::move(error).restore();
  fatal(untrusted ? "SSL handshake failed on verifying the certificate" : "SSL handshake failed");
  wake_waiter(exception.get());
}

// What the app writes from now on is lost.
void TlsStream::start_shutdown() {
  if (state_ != State::kHandshake && state_ != State::kWrapped) return;
  closing_ = true;
  // A closed loop would keep the timer, and with it all of this, for ever.
  if (state_ == State::kHandshake || loop_->closed()) return abort({});
  state_ = State::kFlushing;
  start_timer(shutdown_due, shutdown_timeout_s_);
  if (state_ == State::kFlushing) do_flush();
}

void TlsStream::close() {
  if (closing_) return;
  closing_ = true;
  closed_by_app_ = true;
  if (!is_open()) return;
  // After the peer's end, what it sent last waits for a paused reader: not any longer.
  if (state_ == State::kFlushing) return do_flush();
  if (state_ == State::kUnwrapped) return abort({});  // the handshake has not begun
  start_shutdown();
}

void TlsStream::abort(PyRef exception) {
  closing_ = true;
  state_ = State::kUnwrapped;
  if (is_open()) below().abort(std::move(exception));
}

void TlsStream::do_flush() {
  flush_due_ = encrypting_;
  if (flush_due_) return;
  do_read();
  if (state_ != State::kFlushing) return;
  if (!backlog_.empty()) do_write();
  if (state_ != State::kFlushing) return;
  state_ = State::kShutdown;
  do_shutdown();
}

// What the peer has sent before it heard of our close_notify is no error, though OpenSSL takes it
// for one. Of who goes on and on, OpenSSL's word is taken.
TlsResult TlsStream::say_goodbye() {
  if (eof_received_) return TlsResult::kDone;
  const bool too_much = discarded_ > kMostDiscarded;
  return !too_much && discard() == TlsResult::kFailed ? TlsResult::kFailed : session_.shutdown();
}

void TlsStream::do_shutdown() {
  switch (say_goodbye()) {
    case TlsResult::kAgain:
      return send_output();
    case TlsResult::kDone:
    case TlsResult::kEnd:
      call_eof_received();
      return shutdown_done();
    case TlsResult::kFailed:
      fatal("Fatal error on transport");
      return stop_timer();
  }
}

// Both sides have said close_notify, or the peer will say no more. Nothing is held back any more:
// the socket transport sends what it has before it closes. A peer that does not read could put that
// off for ever.
void TlsStream::shutdown_done() {
  sending_paused_ = false;
  send_output();
  if (!is_open() || below().write_buffer_size() == 0) {
    stop_timer();
  } else if (!timer_) {
    start_timer(shutdown_due, shutdown_timeout_s_);
  }
  if (is_open()) below().close();
}

void TlsStream::force_close(PyObject* exception) {
  closing_ = true;
  state_ = State::kUnwrapped;
  if (is_open()) below().abort(PyRef::borrow(exception));
}

void TlsStream::fatal(const char* message) {
  PyError error = PyError::take();
  PyRef exception = PyRef::borrow(error.exception());
  if (!is_open()) return std::move(error).unraisable(self_);
  const bool silent = error.matches(tls_names()->cancelled_error.get());
  if (silent || report_fatal(*loop_, std::move(error), message, socket_.get(), self_)) {
    force_close(exception.get());
  }
}

}  // namespace tricorn
