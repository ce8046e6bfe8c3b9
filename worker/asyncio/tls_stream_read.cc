// TlsStream: reading.
#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/bytes_view.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/received_bytes.h"
#include "worker/asyncio/tls_stream.h"

namespace tricorn {
namespace {

constexpr const char* kFatal = "Fatal error on SSL protocol";

}  // namespace

ssize_t TlsStream::read(int fd) {
  // Not a view of the shared buffer: to make one may collect garbage, and so run Python code.
  Received received = receive_bytes(fd, expects_much_);
  if (received.count <= 0) return received.count;
  expects_much_ = static_cast<size_t>(received.count) >= kMuch;
  if (received.bytes && session_.receive(received.bytes.get())) {
    received.bytes.reset();
    advance();
  } else {
    fatal(kFatal);
  }
  return received.count;
}

// The peer has closed its side of the connection, with or without close_notify.
int TlsStream::ended() {
  eof_received_ = true;
  switch (state_) {
    case State::kHandshake:
      PyErr_SetNone(PyExc_ConnectionResetError);
      handshake_failed();
      break;
    case State::kWrapped:
      state_ = State::kFlushing;
      if (reading_paused_) return 1;  // goes on in resume_reading()
      do_flush();
      break;
    case State::kFlushing:
      if (!backlog_.empty()) do_write();
      state_ = State::kShutdown;
      do_shutdown();
      break;
    case State::kShutdown:
      do_shutdown();
      break;
    case State::kUnwrapped:
      break;
  }
  return 0;
}

void TlsStream::do_read() {
  if (state_ != State::kWrapped && state_ != State::kFlushing) return;
  TlsResult result = TlsResult::kAgain;
  if (closed_by_app_) {
    result = discard();
  } else if (hands_on()) {
    result = app_->is_buffered() ? read_into_buffer() : read_data();
  }
  if (result == TlsResult::kFailed) return fatal(kFatal);
  if (result == TlsResult::kEnd) peer_ended();
  if (!is_open()) return;
  if (!backlog_.empty() && state_ == State::kWrapped) do_write();
  send_output();
  control_reading();
}

bool TlsStream::hands_on() const {
  const bool reads = state_ == State::kWrapped || state_ == State::kFlushing;
  return reads && !closed_by_app_ && !reading_paused_ && app_;
}

TlsResult TlsStream::read_data() {
  PyRef plaintext;
  const TlsResult result = session_.read(plaintext);
  if (!plaintext) return result;
  std::shared_ptr<PythonProtocol> app = app_;  // the call may set another protocol
  return app->data_received(plaintext.get()) ? result : TlsResult::kFailed;
}

TlsResult TlsStream::read_into_buffer() {
  TlsResult result = TlsResult::kDone;
  // The app may have closed, paused or set another protocol in each round.
  while (result == TlsResult::kDone && hands_on()) {
    if (!app_->is_buffered()) return read_data();
    if (!session_.has_input()) return TlsResult::kAgain;
    std::shared_ptr<PythonProtocol> app = app_;
    WritableBuffer buffer;
    if (!app->get_buffer(static_cast<Py_ssize_t>(read_buffer_size()), buffer))
      return TlsResult::kFailed;
    size_t count = 0;
    result = session_.read_into({static_cast<char*>(buffer.data()), buffer.size()}, count);
    buffer.release();
    if (result == TlsResult::kFailed) return result;
    if (count > 0 && !app->buffer_updated(static_cast<Py_ssize_t>(count)))
      return TlsResult::kFailed;
  }
  return result == TlsResult::kEnd ? result : TlsResult::kAgain;
}

// After close() nobody wants what came before the peer's close_notify.
TlsResult TlsStream::discard() {
  PyRef plaintext;
  const TlsResult result = session_.read(plaintext);
  if (plaintext) discarded_ += static_cast<size_t>(PyBytes_GET_SIZE(plaintext.get()));
  return result;
}

// close_notify has come.
void TlsStream::peer_ended() {
  call_eof_received();
  start_shutdown();
}

void TlsStream::call_eof_received() {
  if (app_state_ != AppState::kConnected || !app_) return;
  app_state_ = AppState::kEnded;
  std::shared_ptr<PythonProtocol> app = app_;
  const EnteredContext entered(below().context());  // close() is called in any
  const int keeps_open = app->ended();
  if (keeps_open < 0) return fatal("Error calling eof_received()");
  if (keeps_open == 0) return;
  PyRef logged = PyRef::steal(
      PyObject_CallMethod(asyncio_names.logger.get(), "warning", "s",
                          "returning true from eof_received() has no effect when using ssl"));
  if (!logged) PyError::take().unraisable(self_);
}

bool TlsStream::resume_reading() {
  if (!reading_paused_) return true;
  reading_paused_ = false;
  return !is_open() ||
         static_cast<bool>(loop_->call_soon_native(advance_due, self_, below().context()));
}

void TlsStream::advance_due(PyObject* self) noexcept {
  TlsStream& stream = SslTransportType::of(self);
  if (stream.is_open() && stream.state_ != State::kHandshake) stream.advance();
}

void TlsStream::control_reading() {
  if (!reading_paused_ && !socket_paused_) return;
  const size_t size = session_.incoming_size();
  if (read_limits_.grown_to(size)) {
    socket_paused_ = true;
    below().pause_reading();
  } else if (read_limits_.shrunk_to(size)) {
    socket_paused_ = false;
    below().resume_reading();
  }
}

}  // namespace tricorn
