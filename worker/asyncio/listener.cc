// Listener: see the header.
#include "worker/asyncio/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/io_scope.h"
#include "worker/asyncio/python_protocol.h"
#include "worker/asyncio/socket_transport.h"
#include "worker/asyncio/tls_stream.h"
#include "worker/loop/loop_object.h"
#include "worker/loop/monotonic.h"

namespace tricorn {
namespace {

// Others get their turn after this many, whatever the backlog.
constexpr int kMostPerReadiness = 64;
constexpr double kRestSeconds = 1;  // asyncio's ACCEPT_RETRY_DELAY
constexpr const char* kWelcomeFailed = "Error on transport creation for incoming connection";

bool lacks_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// The next accept may do better: the peer is gone, or a network error arrived with it (accept(2)).
bool concerns_one_peer(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
         error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
         error == EOPNOTSUPP || error == ENETUNREACH;
}

Listener* listener_at(EventLoop& loop, int fd) {
  return dynamic_cast<Listener*>(loop.io().listener(fd));
}

}  // namespace

Listener::Listener(EventLoop& loop, int fd, ListenerParts parts)
    : loop_(loop), fd_(fd), parts_(std::move(parts)) {
  // Accepted sockets inherit it.
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails for unix sockets
}

bool Listener::start(EventLoop& loop, int fd, ListenerParts parts) {
  if (!parts.context) parts.context = PyRef::steal(PyContext_CopyCurrent());
  if (!parts.context) return false;
  stop(loop, fd);
  auto* listener = new Listener(loop, fd, std::move(parts));
  if (int error = loop.io().watch(fd, EPOLLIN, *listener); error < 0) {
    loop.io().release(fd);
    delete listener;
    set_os_error(-error);
    return false;
  }
  return true;
}

void Listener::stop(EventLoop& loop, int fd) {
  Listener* listener = listener_at(loop, fd);
  if (listener == nullptr) return;
  loop.io().release(fd);
  delete listener;
}

void Listener::on_io(int, uint32_t) noexcept {
  // A protocol factory may close the server, and with it this listener.
  EventLoop& loop = loop_;
  const int fd = fd_;
  const PyRef context = parts_.context.clone();
  const IoScope scope(loop, parts_.socket.get(), context.get());
  const int most = std::min(std::max(parts_.backlog, 1), kMostPerReadiness);
  for (int i = 0; i < most && listener_at(loop, fd) == this && !loop.interrupted(); ++i) {
    if (!accept_one()) break;
  }
}

bool Listener::accept_one() {
  auto peer = std::make_unique<SockAddr>();
  peer->make_room();
  const int fd = ::accept4(fd_, &peer->base, &peer->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    welcome(fd, std::move(peer));
    return true;
  }
  const int error = errno;
  if (error == EAGAIN) return false;
  if (concerns_one_peer(error)) return true;
  refuse(error);
  return false;
}

// Without descriptors or memory the socket stays ready: it is left alone for a while, so that the
// loop does not spin.
void Listener::refuse(int error) {
  set_os_error(error);
  PyError failure = PyError::take();
  if (lacks_resources(error)) rest();
  PyRef socket = PyRef::steal(
      PyObject_CallOneArg(asyncio_names.transport_socket_class.get(), parts_.socket.get()));
  PyRef context;
  if (socket) {
    const char* message = lacks_resources(error) ? "socket.accept() out of system resource"
                                                 : "socket.accept() failed";
    context = PyRef::steal(Py_BuildValue("{s:s,s:O,s:O}", "message", message, "exception",
                                         failure.exception(), "socket", socket.get()));
  }
  if (!context) return std::move(failure).unraisable(nullptr);
  loop_.report_context(std::move(failure), std::move(context));
}

void Listener::rest() {
  loop_.io().watch(fd_, 0, *this);
  // The listener may be gone by then; what it listens on is looked up again.
  PyRef number = PyRef::steal(Py_BuildValue("(Oi)", loop_.object(), fd_));
  auto resume = [](PyObject* pair) noexcept {
    EventLoop* loop = event_loop_from(PyTuple_GET_ITEM(pair, 0));
    const int fd = static_cast<int>(PyLong_AsLong(PyTuple_GET_ITEM(pair, 1)));
    Listener* rested = loop == nullptr ? nullptr : listener_at(*loop, fd);
    if (rested != nullptr) loop->io().watch(fd, EPOLLIN, *rested);
  };
  const double when = seconds_of(monotonic_ns()) + kRestSeconds;
  if (!number || !loop_.call_at_native(resume, number.get(), nullptr, when)) {
    PyError::take().unraisable(parts_.socket.get());
  }
}

// What the factory and the protocol set in their context is not the next connection's.
void Listener::welcome(int fd, std::unique_ptr<SockAddr> peer) {
  EventLoop& loop = loop_;
  const PyRef context = PyRef::steal(PyContext_Copy(parts_.context.get()));
  if (!context) {
    ::close(fd);
    return loop.report_from_io(PyError::take(), kWelcomeFailed);
  }
  const EnteredContext entered(context.get());
  if (!connect(fd, std::move(peer), context)) {
    loop.report_from_io(PyError::take(), kWelcomeFailed);
  }
}

// The descriptor is a transport's from here on, or closed. False with an error set.
bool Listener::connect(int fd, std::unique_ptr<SockAddr> peer, const PyRef& context) {
  EventLoop& loop = loop_;
  const int listening = fd_;  // the factory may close the server, and with it this listener
  PyRef factory = parts_.protocol_factory.clone();
  PyRef server = parts_.server.clone();
  std::shared_ptr<WriteHabit> habit = habit_;
  PyRef protocol = PyRef::steal(PyObject_CallNoArgs(factory.get()));
  if (!protocol || listener_at(loop, listening) != this) {
    ::close(fd);
    return static_cast<bool>(protocol);
  }
  PyRef tls;  // keeps the TLS transport until the socket transport does
  std::shared_ptr<StreamSink> sink = make_sink(protocol.get(), tls);
  SocketParts parts{.loop = &loop,
                    .fd = fd,
                    .socket = {},
                    .peer = std::move(peer),
                    .extra = {},
                    .server = std::move(server),
                    .habit = std::move(habit),
                    .context = context.clone()};
  PyRef transport = sink ? SocketTransportType::create(std::move(parts)) : PyRef();
  if (!transport) ::close(fd);
  return transport && SocketTransportType::of(transport.get()).start(std::move(sink), {});
}

// The protocol, behind TLS if there is a context. Null with an error set.
std::shared_ptr<StreamSink> Listener::make_sink(PyObject* protocol, PyRef& tls) {
  if (!parts_.ssl_context) return PythonProtocol::make(protocol);
  const TlsParts parts{.loop = &loop_,
                       .protocol = protocol,
                       .ssl_context = parts_.ssl_context.get(),
                       .server_side = true,
                       .handshake_timeout = parts_.handshake_timeout.get(),
                       .shutdown_timeout = parts_.shutdown_timeout.get()};
  tls = TlsStream::make(parts);
  return tls ? TlsStream::sink_of(tls.get()) : nullptr;
}

int Listener::visit_kept(visitproc visit, void* arg) const {
  for (const PyRef* ref : {&parts_.protocol_factory, &parts_.socket, &parts_.ssl_context,
                           &parts_.server, &parts_.context}) {
    if (int stop = ref->traverse(visit, arg)) return stop;
  }
  return 0;
}

}  // namespace tricorn
