// Stream methods: see the header.
#include "worker/asyncio/stream_methods.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "worker/asyncio/listener.h"
#include "worker/asyncio/python_protocol.h"
#include "worker/asyncio/socket_transport.h"
#include "worker/loop/descriptor.h"
#include "worker/loop/loop_object.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

PyRef given(PyObject* object) { return object == Py_None ? PyRef() : PyRef::borrow(object); }

}  // namespace

PyRef make_stream_transport(EventLoop& loop, PyObject* socket, std::shared_ptr<StreamSink> sink,
                            const StreamExtras& extras) {
  const int fd = descriptor_of(socket);
  if (fd < 0 || !check_no_transport(loop.io(), fd, socket)) return {};
  PyRef own_extra = extras.extra == Py_None ? PyRef() : PyRef::steal(PyDict_Copy(extras.extra));
  if (extras.extra != Py_None && !own_extra) return {};
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails for unix sockets
  SocketParts parts{.loop = &loop,
                    .fd = fd,
                    .socket = PyRef::borrow(socket),
                    .peer = peer_address_of(fd),
                    .extra = std::move(own_extra),
                    .server = given(extras.server),
                    .habit = {},
                    .context = given(extras.context)};
  PyRef transport = SocketTransportType::create(std::move(parts));
  if (!transport) return {};
  SocketTransport& made = SocketTransportType::of(transport.get());
  bool started = made.start(std::move(sink), given(extras.waiter));
  return started ? std::move(transport) : PyRef();
}

namespace {

PyObject* make_socket_transport(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* names[] = {"sock",   "protocol", "waiter", "extra",
                                "server", "context",  nullptr};
  PyObject* socket = nullptr;
  PyObject* protocol = nullptr;
  StreamExtras extras;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O$OOO", const_cast<char**>(names), &socket,
                                   &protocol, &extras.waiter, &extras.extra, &extras.server,
                                   &extras.context)) {
    return nullptr;
  }
  std::shared_ptr<StreamSink> sink = PythonProtocol::make(protocol);
  if (!sink) return nullptr;
  return make_stream_transport(event_loop_of(self), socket, std::move(sink), extras).release();
}

PyObject* start_serving(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* names[] = {
      "protocol_factory",     "sock",    "sslcontext", "server", "backlog", "ssl_handshake_timeout",
      "ssl_shutdown_timeout", "context", nullptr};
  PyObject* factory = nullptr;
  PyObject* socket = nullptr;
  PyObject* ssl_context = Py_None;
  PyObject* server = Py_None;
  PyObject* handshake_timeout = Py_None;
  PyObject* shutdown_timeout = Py_None;
  PyObject* context = Py_None;
  int backlog = 100;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|OOiOOO", const_cast<char**>(names), &factory,
                                   &socket, &ssl_context, &server, &backlog, &handshake_timeout,
                                   &shutdown_timeout, &context)) {
    return nullptr;
  }
  const int fd = descriptor_of(socket);
  if (fd < 0) return nullptr;
  ListenerParts parts{.protocol_factory = PyRef::borrow(factory),
                      .socket = PyRef::borrow(socket),
                      .ssl_context = given(ssl_context),
                      .server = given(server),
                      .handshake_timeout = PyRef::borrow(handshake_timeout),
                      .shutdown_timeout = PyRef::borrow(shutdown_timeout),
                      .context = given(context),
                      .backlog = backlog};
  if (!Listener::start(event_loop_of(self), fd, std::move(parts))) return nullptr;
  Py_RETURN_NONE;
}

// The socket stays open.
PyObject* stop_listening(PyObject* self, PyObject* socket) {
  const int fd = descriptor_of(socket);
  if (fd >= 0) {
    Listener::stop(event_loop_of(self), fd);
  } else {
    PyErr_Clear();  // closed before
  }
  Py_RETURN_NONE;
}

}  // namespace

PyMethodDef stream_methods[] = {
    {"_make_socket_transport", method(make_socket_transport), METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"_start_serving", method(start_serving), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"_stop_listening", stop_listening, METH_O, nullptr},
    {}};

}  // namespace tricorn
