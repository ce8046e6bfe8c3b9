// TlsStream's face to the socket transport, and its life: how it is made, connected and lost.
#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/tls_names.h"
#include "worker/asyncio/tls_stream.h"

namespace tricorn {
namespace {

constexpr double kHandshakeTimeout = 60;  // asyncio.constants.SSL_HANDSHAKE_TIMEOUT
constexpr double kShutdownTimeout = 30;   // SSL_SHUTDOWN_TIMEOUT

class TlsSink final : public StreamSink {
 public:
  explicit TlsSink(PyObject* ssl_transport) : transport_(PyRef::borrow(ssl_transport)) {}

  bool connected(PyObject* transport) override { return stream().connected(transport); }
  ssize_t read(int fd) override { return stream().read(fd); }
  int ended() override { return stream().ended(); }
  bool lost(PyObject* exception) override { return stream().lost(exception); }
  bool pause_writing() override {
    stream().pause_sending();
    return true;
  }
  bool resume_writing() override {
    stream().resume_sending();
    return true;
  }

  PyObject* protocol() const override { return transport_.get(); }
  const char* failure() const override { return "Fatal read error on socket transport"; }
  int traverse(visitproc visit, void* arg) const override {
    return transport_.traverse(visit, arg);
  }

 private:
  TlsStream& stream() const { return SslTransportType::of(transport_.get()); }

  PyRef transport_;
};

// Seconds; below 0 with ValueError or TypeError set, as asyncio checks it.
double timeout_of(PyObject* given, const char* name, double usual) {
  if (given == Py_None) return usual;
  const double seconds = PyFloat_AsDouble(given);
  if (PyErr_Occurred() != nullptr) return -1;
  if (seconds > 0) return seconds;
  PyErr_Format(PyExc_ValueError, "%s should be a positive number, got %S", name, given);
  return -1;
}

// The collector does not know handles. The loop shows what those hold that are its alone; this one
// is the loop's and ours.
int visit_timer(const PyRef& timer, visitproc visit, void* arg) {
  if (!timer || Py_REFCNT(timer.get()) != 2) return 0;
  const Handle& handle = as_handle(timer);
  if (int stop = handle.callback.traverse(visit, arg)) return stop;
  return handle.context.traverse(visit, arg);
}

}  // namespace

TlsStream::TlsStream(PyObject* self, EventLoop& loop)
    : self_(self), loop_(&loop), loop_object_(PyRef::borrow(loop.object())) {
  write_limits_.set(kWriteHigh, kWriteHigh / 4);
  read_limits_.set(kReadHigh, kReadHigh / 4);
}

PyRef TlsStream::make(const TlsParts& parts) {
  PyRef transport = SslTransportType::create(*parts.loop);
  if (!transport) return {};
  TlsStream& stream = SslTransportType::of(transport.get());
  if (stream.configure(parts)) return transport;
  stream.closing_ = true;
  return {};
}

std::shared_ptr<StreamSink> TlsStream::sink_of(PyObject* ssl_transport) {
  return std::make_shared<TlsSink>(ssl_transport);
}

bool TlsStream::configure(const TlsParts& parts) {
  const TlsNames* names = tls_names();
  const double seconds =
      timeout_of(parts.handshake_timeout, "ssl_handshake_timeout", kHandshakeTimeout);
  if (names == nullptr || seconds < 0) return false;
  shutdown_timeout_s_ =
      timeout_of(parts.shutdown_timeout, "ssl_shutdown_timeout", kShutdownTimeout);
  if (shutdown_timeout_s_ < 0) return false;
  handshake_timeout_ = parts.handshake_timeout == Py_None
                           ? PyRef::steal(PyFloat_FromDouble(seconds))
                           : PyRef::borrow(parts.handshake_timeout);
  if (parts.ssl_context == Py_None) {
    ssl_context_ = PyRef::steal(PyObject_CallFunction(names->create_context.get(), "OO",
                                                      parts.server_side ? Py_True : Py_False,
                                                      parts.server_hostname));
  } else {
    ssl_context_ = PyRef::borrow(parts.ssl_context);
  }
  if (!handshake_timeout_ || !ssl_context_ || !set_protocol(parts.protocol)) return false;
  if (!parts.calls_connection_made) app_state_ = AppState::kConnected;
  const int has_hostname = PyObject_IsTrue(parts.server_hostname);
  if (has_hostname < 0) return false;
  PyObject* hostname = has_hostname == 1 && !parts.server_side ? parts.server_hostname : Py_None;
  if (!session_.open(ssl_context_.get(), parts.server_side, hostname)) return false;
  if (parts.waiter != Py_None) waiter_ = PyRef::borrow(parts.waiter);
  return true;
}

bool TlsStream::set_protocol(PyObject* protocol) {
  std::shared_ptr<PythonProtocol> app = PythonProtocol::make(protocol);
  if (app) app_ = std::move(app);
  return PyErr_Occurred() == nullptr;
}

void TlsStream::attach(PyObject* socket_transport) {
  socket_ = PyRef::borrow(socket_transport);
  sending_paused_ = below().limits().paused();
}

bool TlsStream::connected(PyObject* socket_transport) {
  if (state_ != State::kUnwrapped || app_state_ == AppState::kLost) return true;
  attach(socket_transport);
  if (below().is_closing()) return true;  // start_tls was given up
  state_ = State::kHandshake;
  const double seconds = PyFloat_AsDouble(handshake_timeout_.get());
  start_timer(handshake_due, seconds);
  do_handshake();
  return true;
}

void TlsStream::begin() {
  if (!is_open()) return;
  connected(socket_.get());
  if (is_open()) below().resume_reading();
}

bool TlsStream::lost(PyObject* exception) {
  closing_ = true;
  state_ = State::kUnwrapped;
  backlog_.clear();
  backlog_size_ = outgoing_size_ = 0;
  ++lost_writes_;
  stop_timer();
  wake_waiter(exception);
  std::shared_ptr<PythonProtocol> app = std::move(app_);
  const bool tells = app_state_ == AppState::kConnected || app_state_ == AppState::kEnded;
  app_state_ = AppState::kLost;
  loop_ = nullptr;
  return !tells || !app || app->lost(exception);
}

void TlsStream::wake_waiter(PyObject* exception) {
  PyRef waiter = std::move(waiter_);
  if (!waiter || loop_ == nullptr) return;
  if (exception == nullptr) return complete_future(*loop_, waiter.get());
  if (exception == Py_None) {
    return fail_future(*loop_, waiter.get(), PyExc_ConnectionAbortedError,
                       "the connection was closed during the SSL handshake");
  }
  fail_future(*loop_, waiter.get(), exception);
}

int TlsStream::traverse(visitproc visit, void* arg) const {
  for (const PyRef* ref : {&loop_object_, &socket_, &ssl_context_, &waiter_, &handshake_timeout_}) {
    if (int stop = ref->traverse(visit, arg)) return stop;
  }
  if (int stop = visit_timer(timer_, visit, arg)) return stop;
  for (const PyRef& bytes : backlog_) {
    if (int stop = bytes.traverse(visit, arg)) return stop;
  }
  if (int stop = session_.traverse(visit, arg)) return stop;
  return app_ ? app_->traverse(visit, arg) : 0;
}

void TlsStream::clear() {
  std::shared_ptr<PythonProtocol> app = std::move(app_);
  PyRef socket = std::move(socket_);
  for (PyRef* ref : {&waiter_, &timer_}) ref->reset();
}

void TlsStream::finalize() {
  if (std::exchange(closing_, true)) return;
  if (PyErr_ResourceWarning(self_, 1, "unclosed transport %R", self_) < 0) {
    PyError::take().unraisable(self_);
  }
}

}  // namespace tricorn
