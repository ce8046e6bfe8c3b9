// Connector: see the header and connect(2).
#include "worker/asyncio/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/connect_error.h"
#include "worker/asyncio/lookup_query.h"
#include "worker/asyncio/python_protocol.h"
#include "worker/asyncio/socket_transport.h"
#include "worker/loop/loop_object.h"

namespace tricorn {
namespace {

using ConnectorType = NativeSubclass<Connector>;

}  // namespace

Connector::~Connector() { close(); }

void Connector::close() {
  const PyRef kept = std::move(kept_);
  const PyRef connected = std::move(connected_);  // its exception knows who waited, and so us
  if (fd_ && loop_.io().listener(fd_.get()) == this) loop_.io().release(fd_.get());
  fd_.reset();
}

bool Connector::begin() {
  fd_.reset(
      ::socket(address_.base.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd_ || ::connect(fd_.get(), &address_.base, address_.length) == 0) {
    if (!fd_) set_os_error(errno);
    return static_cast<bool>(fd_);
  }
  if (errno != EINPROGRESS && errno != EINTR) {
    set_os_error(errno);
    return false;
  }
  // To this host itself it is done by now, only the first call could not tell.
  if (::connect(fd_.get(), &address_.base, address_.length) == 0 || errno == EISCONN) return true;
  if (errno != EALREADY) {
    set_failed(errno);
    return false;
  }
  connected_ = loop_.create_future();
  if (!connected_) return false;
  loop_.io().want(fd_.get(), EPOLLOUT, *this);
  kept_ = connected_.clone();
  return true;
}

void Connector::set_failed(int error) {
  if (PyRef address = address_object(address_)) set_connect_error(error, address.get());
}

void Connector::on_io(int fd, uint32_t) noexcept {
  loop_.io().ignore(fd, EPOLLOUT);  // armed for the transport to come
  const PyRef connected = std::move(kept_);
  if (!connected) return;
  const int error = connect_error_of(fd);
  if (error == 0) return complete_future(loop_, connected.get());
  set_failed(error);
  PyError failure = PyError::take();
  fail_future(loop_, connected.get(), failure.exception());
}

PyRef Connector::open(PyObject* protocol, PyObject* waiter) {
  if (!fd_) {
    PyErr_SetString(PyExc_RuntimeError, "the connection is a transport's already, or given up");
    return {};
  }
  std::shared_ptr<StreamSink> sink = PythonProtocol::make(protocol);
  if (!sink) return {};
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SocketParts parts{.loop = &loop_,
                    .fd = fd_.get(),
                    .socket = {},
                    .peer = peer_address_of(fd_.get()),
                    .extra = {},
                    .server = {},
                    .habit = {},
                    .context = {}};
  PyRef transport = SocketTransportType::create(std::move(parts));
  if (!transport) return {};
  (void)fd_.release();
  const bool started =
      SocketTransportType::of(transport.get()).start(std::move(sink), PyRef::borrow(waiter));
  return started ? std::move(transport) : PyRef();
}

int Connector::traverse(visitproc visit, void* arg) const {
  if (int stop = loop_object_.traverse(visit, arg)) return stop;
  return connected_.traverse(visit, arg);
}

namespace {

PyObject* open(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "open() takes a protocol and a waiter");
    return nullptr;
  }
  return ConnectorType::of(self).open(values[0], values[1]).release();
}

PyObject* close(PyObject* self, PyObject*) {
  ConnectorType::of(self).close();
  Py_RETURN_NONE;
}

PyObject* get_connected(PyObject* self, void*) {
  PyObject* connected = ConnectorType::of(self).connected();
  return Py_NewRef(connected == nullptr ? Py_None : connected);
}

// (host, port). None: the long way has to be gone.
PyObject* connect(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  EventLoop& loop = event_loop_of(self);
  SockAddr address;
  if (count != 2 || loop.debug() || PyUnicode_CheckExact(values[0]) == 0 ||
      PyLong_CheckExact(values[1]) == 0 ||
      !read_literal(values[0], values[1], AF_UNSPEC, address) ||
      !asyncio_uses("socket", asyncio_names.socket_class)) {
    Py_RETURN_NONE;
  }
  if (!check_open(loop)) return nullptr;
  PyRef told = address_object(address);
  if (!told || PySys_Audit("socket.connect", "OO", Py_None, told.get()) < 0) return nullptr;
  PyRef made = ConnectorType::create(loop, address);
  return made && ConnectorType::of(made.get()).begin() ? made.release() : nullptr;
}

}  // namespace

bool add_connector_type() {
  static PyMethodDef methods[] = {{"open", method(open), METH_FASTCALL,
                                   "open(protocol, waiter)\n\nThe transport of the connection."},
                                  {"close", close, METH_NOARGS, "Give up."},
                                  {}};
  static PyGetSetDef attributes[] = {
      {"connected", get_connected, nullptr, "A future; None: it is.", nullptr}, {}};
  const SubclassSpec spec = {"tricorn._tricorn.Connector", "A connection that is being made.",
                             methods, attributes};
  return ConnectorType::make_type(nullptr, spec, reinterpret_cast<PyObject*>(&PyBaseObject_Type));
}

PyMethodDef connector_methods[] = {
    {"_connect", method(connect), METH_FASTCALL,
     "_connect(host, port)\n\nA Connector to a numeric address. None: go the long way."},
    {}};

}  // namespace tricorn
