// SocketTransport: life, reading, and the end of a connection.
#include "worker/asyncio/socket_transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/io_scope.h"

namespace tricorn {
namespace {

// asyncio's Server counts its connections; from 3.13 on it knows them.
bool tell_server(const PyRef& server, const char* method, PyObject* transport) {
#if PY_VERSION_HEX >= 0x030D0000
  return static_cast<bool>(PyRef::steal(PyObject_CallMethod(server.get(), method, "O", transport)));
#else
  static_cast<void>(transport);
  return static_cast<bool>(PyRef::steal(PyObject_CallMethod(server.get(), method, nullptr)));
#endif
}

// How many others use the descriptor of a socket.socket: while there are some, its close() waits.
// Never leaves an error set. False: it is another kind of socket.
bool count_users(const PyRef& socket, long change) {
  PyRef users = PyRef::steal(PyObject_GetAttrString(socket.get(), "_io_refs"));
  const long count = users ? PyLong_AsLong(users.get()) : -1;
  PyRef changed = count < 0 ? PyRef() : PyRef::steal(PyLong_FromLong(count + change));
  const bool done = changed && PyObject_SetAttrString(socket.get(), "_io_refs", changed.get()) == 0;
  PyErr_Clear();
  return done;
}

}  // namespace

SocketTransport::SocketTransport(PyObject* self, SocketParts parts)
    : self_(self),
      loop_(parts.loop),
      loop_object_(PyRef::borrow(parts.loop->object())),
      context_(std::move(parts.context)),
      socket_(std::move(parts.socket)),
      extra_(std::move(parts.extra)),
      server_(std::move(parts.server)),
      habit_(parts.habit ? std::move(parts.habit) : std::make_shared<WriteHabit>()),
      peer_(std::move(parts.peer)),
      fd_(parts.fd) {}

SocketTransport::~SocketTransport() {
  if (loop_ != nullptr && flush_due_) loop_->flushes().remove(*this);
  close_socket();
}

bool SocketTransport::start(std::shared_ptr<StreamSink> sink, PyRef waiter) {
  sink_ = std::move(sink);
  waiter_ = std::move(waiter);
  if (!context_) context_ = PyRef::steal(PyContext_CopyCurrent());
  if (!context_) return false;
  if (server_ && !tell_server(server_, "_attach", self_)) return false;
  if (socket_) use_socket();
  loop_->io().want(fd_, 0, *this);
  kept_ = PyRef::borrow(self_);
  return static_cast<bool>(loop_->call_soon_native(begin, self_, context_.get()));
}

void SocketTransport::begin(PyObject* self) noexcept {
  SocketTransport& transport = SocketTransportType::of(self);
  if (transport.loop_ == nullptr) return;
  std::shared_ptr<StreamSink> sink = transport.sink_;
  if (!sink->connected(self)) {
    transport.loop_->report_from_io(PyError::take(), "Error in protocol.connection_made()");
  }
  transport.begun_ = true;
  transport.update_interest();
  PyRef waiter = std::move(transport.waiter_);
  if (waiter && transport.loop_ != nullptr) complete_future(*transport.loop_, waiter.get());
}

void SocketTransport::update_interest() {
  if (loop_ == nullptr || lost_ != 0) return;
  // While sendfile waits for the descriptor, it is not to be taken away from it.
  if (empty_waiter_ && loop_->io().listener(fd_) != this) return;
  uint32_t events = 0;
  if (awaits_writable_) events |= EPOLLOUT;
  if (begun_ && is_reading() && !read_ended_) events |= EPOLLIN;
  loop_->io().want(fd_, events, *this);
}

void SocketTransport::on_io(int, uint32_t events) noexcept {
  const IoScope scope(*loop_, self_, context_.get());
  if (awaits_writable_ && (events & ~uint32_t{EPOLLIN}) != 0) {
    awaits_writable_ = false;
    flush();
    update_interest();
  }
  if (is_reading() && !read_ended_ && (events & ~uint32_t{EPOLLOUT}) != 0) read_ready();
}

void SocketTransport::read_ready() {
  std::shared_ptr<StreamSink> sink = sink_;  // the protocol may set another one
  const ssize_t count = sink->read(fd_);
  if (count > 0) return;
  if (count == 0) return read_ended();
  if (count == StreamSink::kFailed) return fatal_error(sink->failure());
  if (count == -EAGAIN) return;
  set_os_error(static_cast<int>(-count));
  fatal_error("Fatal read error on socket transport");
}

void SocketTransport::read_ended() {
  std::shared_ptr<StreamSink> sink = sink_;
  const int stays_open = sink->ended();
  if (stays_open < 0) return fatal_error(sink->failure());
  if (stays_open == 0) return close();
  read_ended_ = true;
  update_interest();
}

void SocketTransport::pause_reading() {
  if (!is_reading()) return;
  paused_ = true;
  update_interest();
}

void SocketTransport::resume_reading() {
  if (closing_ || !paused_) return;
  paused_ = false;
  update_interest();
}

void SocketTransport::close() {
  if (closing_) return;
  closing_ = true;
  if (!awaits_writable_ && !queue_.empty()) flush();
  if (lost_ != 0) return;
  if (queue_.empty()) return lose(PyRef::none());
  update_interest();
}

void SocketTransport::abort(PyRef exception) {
  if (lost_ != 0 || loop_ == nullptr) return;
  queue_.clear();
  closing_ = true;
  lose(exception ? std::move(exception) : PyRef::none());
}

void SocketTransport::fatal_error(const char* message) {
  PyError error = PyError::take();
  PyRef exception = PyRef::borrow(error.exception());
  if (loop_ == nullptr) return std::move(error).unraisable(self_);
  PyObject* protocol = sink_ ? sink_->protocol() : Py_None;
  if (report_fatal(*loop_, std::move(error), message, self_, protocol)) abort(std::move(exception));
}

void SocketTransport::lose(PyRef exception) {
  ++lost_;
  exception_ = std::move(exception);
  awaits_writable_ = false;
  loop_->io().release(fd_);
  const PyRef kept = std::move(kept_);  // from here on what is scheduled keeps it
  if (loop_->closed()) {                // nobody would run it
    if (std::exchange(flush_due_, false)) loop_->flushes().remove(*this);
    close_socket();
    loop_ = nullptr;
    return;
  }
  if (!loop_->call_soon_native(end, self_, context_.get())) PyError::take().unraisable(self_);
}

void SocketTransport::end(PyObject* self) noexcept {
  SocketTransport& transport = SocketTransportType::of(self);
  if (transport.loop_ != nullptr) transport.connection_lost();
}

void SocketTransport::connection_lost() {
  EventLoop& loop = *loop_;
  PyRef exception = std::move(exception_);
  std::shared_ptr<StreamSink> sink = sink_;
  if (!sink->lost(exception.get())) {
    loop.report_from_io(PyError::take(), "Error in protocol.connection_lost()");
  }
  if (empty_waiter_) {
    fail_future(loop, std::exchange(empty_waiter_, {}).get(), PyExc_ConnectionError,
                "Connection is closed by peer");
  }
  if (Py_REFCNT(self_) > 1) own_ = own_address_of(fd_);  // the handle that runs this has one
  close_socket();
  sink_.reset();
  PyRef server = std::move(server_);
  if (server && !tell_server(server, "_detach", self_)) {
    loop.report_from_io(PyError::take(), "Error in Server._detach()");
  }
  if (flush_due_) loop.flushes().remove(*this);
  flush_due_ = false;
  loop_ = nullptr;
  PyRef kept = std::move(kept_);  // last: may be the end of this object
}

// What the loop kept alive ends with it, without a callback: nobody would run it.
void SocketTransport::on_set_closed() noexcept {
  if (loop_ != nullptr && flush_due_) loop_->flushes().remove(*this);
  flush_due_ = false;
  PyRef kept = std::move(kept_);
}

// If its owner closes it under us, the number would be another file's, which would get what is
// written here.
void SocketTransport::use_socket() { uses_socket_ = count_users(socket_, 1); }

void SocketTransport::close_socket() {
  const int fd = std::exchange(fd_, -1);
  if (fd < 0) return;
  if (loop_ != nullptr) loop_->io().release(fd);
  if (!socket_) {
    ::close(fd);
    return;
  }
  if (uses_socket_) count_users(socket_, -1);
  PyRef closed = PyRef::steal(PyObject_CallMethod(socket_.get(), "close", nullptr));
  if (!closed) PyError::take().unraisable(self_);
}

int SocketTransport::traverse(visitproc visit, void* arg) const {
  for (const PyRef* ref : {&loop_object_, &context_, &socket_, &transport_socket_, &extra_,
                           &server_, &waiter_, &empty_waiter_, &exception_}) {
    if (int stop = ref->traverse(visit, arg)) return stop;
  }
  return sink_ ? sink_->traverse(visit, arg) : 0;
}

void SocketTransport::clear() {
  std::shared_ptr<StreamSink> sink = std::move(sink_);
  for (PyRef* ref : {&extra_, &server_, &waiter_, &empty_waiter_, &exception_}) ref->reset();
}

void SocketTransport::finalize() {
  if (fd_ < 0) return;
  if (PyErr_ResourceWarning(self_, 1, "unclosed transport %R", self_) < 0) {
    PyError::take().unraisable(self_);
  }
  if (loop_ != nullptr && std::exchange(flush_due_, false)) loop_->flushes().remove(*this);
  close_socket();
  // Other garbage may still call it, as after connection_lost().
  closing_ = true;
  queue_.clear();
  loop_ = nullptr;
  const PyRef kept = std::move(kept_);
}

}  // namespace tricorn
