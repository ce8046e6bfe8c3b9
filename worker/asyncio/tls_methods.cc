// TLS methods: see the header.
#include "worker/asyncio/tls_methods.h"

#include "worker/asyncio/stream_methods.h"
#include "worker/asyncio/tls_stream.h"
#include "worker/loop/loop_object.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

PyObject* make_ssl_transport(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* names[] = {"rawsock",
                                "protocol",
                                "sslcontext",
                                "waiter",
                                "server_side",
                                "server_hostname",
                                "extra",
                                "server",
                                "ssl_handshake_timeout",
                                "ssl_shutdown_timeout",
                                "context",
                                nullptr};
  PyObject* socket = nullptr;
  StreamExtras extras;
  int server_side = 0;
  TlsParts parts{.loop = &event_loop_of(self)};
  if (!PyArg_ParseTupleAndKeywords(
          args, keywords, "OOO|O$pOOOOOO", const_cast<char**>(names), &socket, &parts.protocol,
          &parts.ssl_context, &parts.waiter, &server_side, &parts.server_hostname, &extras.extra,
          &extras.server, &parts.handshake_timeout, &parts.shutdown_timeout, &extras.context)) {
    return nullptr;
  }
  parts.server_side = server_side != 0;
  PyRef transport = TlsStream::make(parts);
  if (!transport) return nullptr;
  PyRef below =
      make_stream_transport(*parts.loop, socket, TlsStream::sink_of(transport.get()), extras);
  if (!below) {
    SslTransportType::of(transport.get()).abort({});
    return nullptr;
  }
  SslTransportType::of(transport.get()).attach(below.get());
  return transport.release();
}

void begin_tls(PyObject* self) noexcept { SslTransportType::of(self).begin(); }

// Puts TLS between a SocketTransport and its protocol. From here on the protocol hears of nothing
// but of what was encrypted; the handshake begins in the next turn.
PyObject* start_tls(PyObject* self, PyObject* args) {
  PyObject* socket_transport = nullptr;
  PyObject* received = Py_None;  // of the handshake, by the protocol
  int server_side = 0;
  TlsParts parts{.loop = &event_loop_of(self), .calls_connection_made = false};
  if (!PyArg_ParseTuple(args, "OOOOpOOOO", &socket_transport, &parts.protocol, &parts.ssl_context,
                        &parts.waiter, &server_side, &parts.server_hostname,
                        &parts.handshake_timeout, &parts.shutdown_timeout, &received)) {
    return nullptr;
  }
  parts.server_side = server_side != 0;
  if (!SocketTransportType::is(socket_transport)) {
    PyErr_SetString(PyExc_TypeError, "a SocketTransport expected");
    return nullptr;
  }
  SocketTransport& below = SocketTransportType::of(socket_transport);
  if (below.loop() != parts.loop) {
    PyErr_SetString(PyExc_RuntimeError, "Transport is closed");
    return nullptr;
  }
  PyRef transport = TlsStream::make(parts);
  if (!transport) return nullptr;
  if (received != Py_None && !SslTransportType::of(transport.get()).feed(received)) return nullptr;
  below.pause_reading();
  SslTransportType::of(transport.get()).attach(socket_transport);
  below.set_sink(TlsStream::sink_of(transport.get()));
  if (!parts.loop->call_soon_native(begin_tls, transport.get(), below.context())) return nullptr;
  return transport.release();
}

}  // namespace

PyMethodDef tls_methods[] = {
    {"_make_ssl_transport", method(make_ssl_transport), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"_start_tls", start_tls, METH_VARARGS, nullptr},
    {}};

}  // namespace tricorn
