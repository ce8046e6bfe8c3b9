// The loop's sock_* methods: see the header. A call of the usual form, with a plain socket, makes a
// native operation. All others (keywords, subclasses, SSL sockets, wrong arguments, names to look
// up) are left to asyncio's own method, which works over add_reader and add_writer.
#include "worker/asyncio/socket_methods.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "worker/asyncio/plain_socket.h"
#include "worker/asyncio/socket_address.h"
#include "worker/asyncio/socket_operation.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

enum Kind : size_t {
  kRecv,
  kRecvInto,
  kRecvfrom,
  kRecvfromInto,
  kSendall,
  kSendto,
  kConnect,
  kAccept
};

constexpr SocketMethod kMethods[] = {
    {"sock_recv", "Loop.sock_recv", Direction::kRead, attempt_recv, true},
    {"sock_recv_into", "Loop.sock_recv_into", Direction::kRead, attempt_recv_into, true},
    {"sock_recvfrom", "Loop.sock_recvfrom", Direction::kRead, attempt_recvfrom, false},
    {"sock_recvfrom_into", "Loop.sock_recvfrom_into", Direction::kRead, attempt_recvfrom_into,
     false},
    {"sock_sendall", "Loop.sock_sendall", Direction::kWrite, attempt_sendall, false},
    {"sock_sendto", "Loop.sock_sendto", Direction::kWrite, attempt_sendto, false},
    {"sock_connect", "Loop.sock_connect", Direction::kWrite, attempt_connect, false},
    {"sock_accept", "Loop.sock_accept", Direction::kRead, attempt_accept, false},
};

// asyncio's own methods, by Kind. Outlive the interpreter's end on purpose.
auto& inherited = *new std::array<PyRef, std::size(kMethods)>;

// What a method of the loop was called with.
struct Arguments {
  PyObject* loop;
  PyObject* const* values;
  Py_ssize_t count;
  PyObject* keywords;

  bool are(Py_ssize_t wanted) const {
    return count == wanted && keywords == nullptr && is_plain_socket(values[0]);
  }
};

PyObject* call_inherited(Kind kind, const Arguments& arguments) {
  PyRef bound = PyRef::steal(PyMethod_New(inherited[kind].get(), arguments.loop));
  if (!bound) return nullptr;
  return PyObject_Vectorcall(bound.get(), arguments.values, static_cast<size_t>(arguments.count),
                             arguments.keywords);
}

PyRef make(Kind kind, const Arguments& arguments) {
  PyRef operation = make_socket_operation(arguments.loop, kMethods[kind]);
  if (operation) socket_call_of(operation).socket = PyRef::borrow(arguments.values[0]);
  return operation;
}

// An exact int that is not negative. Leaves no error set.
bool read_size(PyObject* object, size_t& out) {
  if (PyLong_CheckExact(object) == 0) return false;
  const Py_ssize_t value = PyLong_AsSsize_t(object);
  if (value == -1 && PyErr_Occurred() != nullptr) PyErr_Clear();
  out = static_cast<size_t>(value);
  return value >= 0;
}

PyObject* receive(Kind kind, const Arguments& arguments) {
  size_t size = 0;
  if (!arguments.are(2) || !read_size(arguments.values[1], size)) {
    return call_inherited(kind, arguments);
  }
  PyRef operation = make(kind, arguments);
  if (operation) socket_call_of(operation).size = size;
  return operation.release();
}

PyObject* sock_recv(PyObject* self, PyObject* const* values, Py_ssize_t count, PyObject* keywords) {
  return receive(kRecv, {self, values, count, keywords});
}
PyObject* sock_recvfrom(PyObject* self, PyObject* const* values, Py_ssize_t count,
                        PyObject* keywords) {
  return receive(kRecvfrom, {self, values, count, keywords});
}

PyObject* receive_into(Kind kind, const Arguments& arguments, size_t size) {
  PyRef operation = make(kind, arguments);
  if (!operation) return nullptr;
  socket_call_of(operation).data = PyRef::borrow(arguments.values[1]);
  socket_call_of(operation).size = size;
  return operation.release();
}

PyObject* sock_recv_into(PyObject* self, PyObject* const* values, Py_ssize_t count,
                         PyObject* keywords) {
  const Arguments arguments = {self, values, count, keywords};
  if (!arguments.are(2)) return call_inherited(kRecvInto, arguments);
  return receive_into(kRecvInto, arguments, 0);
}

PyObject* sock_recvfrom_into(PyObject* self, PyObject* const* values, Py_ssize_t count,
                             PyObject* keywords) {
  const Arguments arguments = {self, values, count, keywords};
  size_t size = 0;
  if (!arguments.are(2) && !(arguments.are(3) && read_size(values[2], size))) {
    return call_inherited(kRecvfromInto, arguments);
  }
  return receive_into(kRecvfromInto, arguments, size);
}

PyObject* sock_sendall(PyObject* self, PyObject* const* values, Py_ssize_t count,
                       PyObject* keywords) {
  const Arguments arguments = {self, values, count, keywords};
  if (!arguments.are(2)) return call_inherited(kSendall, arguments);
  PyRef operation = make(kSendall, arguments);
  if (operation) socket_call_of(operation).data = PyRef::borrow(values[1]);
  return operation.release();
}

PyObject* sock_sendto(PyObject* self, PyObject* const* values, Py_ssize_t count,
                      PyObject* keywords) {
  const Arguments arguments = {self, values, count, keywords};
  if (!arguments.are(3)) return call_inherited(kSendto, arguments);
  PyRef operation = make(kSendto, arguments);
  if (!operation) return nullptr;
  socket_call_of(operation).data = PyRef::borrow(values[1]);
  socket_call_of(operation).address = PyRef::borrow(values[2]);
  return operation.release();
}

// What connect() is given; null without an error if the address must be looked up.
PyRef resolved(PyObject* socket, PyObject* address) {
  const int family = family_of_socket(socket);
  if (family != AF_INET && family != AF_INET6) return PyRef::borrow(address);
  SockAddr parsed;
  const int type = type_of_socket(socket);
  const int protocol = protocol_of_socket(socket);
  const bool usual = (type == SOCK_STREAM || type == SOCK_DGRAM) &&
                     (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
  if (!usual || !read_address(family, address, parsed)) return {};
  if (family == AF_INET) return PyRef::borrow(address);
  PyObject* host = PyTuple_GET_ITEM(address, 0);
  return PyRef::steal(Py_BuildValue("Oikk", host, int{ntohs(parsed.in6.sin6_port)},
                                    static_cast<unsigned long>(ntohl(parsed.in6.sin6_flowinfo)),
                                    static_cast<unsigned long>(parsed.in6.sin6_scope_id)));
}

PyObject* sock_connect(PyObject* self, PyObject* const* values, Py_ssize_t count,
                       PyObject* keywords) {
  const Arguments arguments = {self, values, count, keywords};
  PyRef address;
  if (arguments.are(2) && is_non_blocking(values[0])) address = resolved(values[0], values[1]);
  if (!address) {
    return PyErr_Occurred() != nullptr ? nullptr : call_inherited(kConnect, arguments);
  }
  PyRef operation = make(kConnect, arguments);
  if (operation) socket_call_of(operation).address = std::move(address);
  return operation.release();
}

PyObject* sock_accept(PyObject* self, PyObject* const* values, Py_ssize_t count,
                      PyObject* keywords) {
  const Arguments arguments = {self, values, count, keywords};
  if (!arguments.are(1)) return call_inherited(kAccept, arguments);
  return make(kAccept, arguments).release();
}

}  // namespace

bool load_socket_methods() {
  PyRef module = PyRef::steal(PyImport_ImportModule("asyncio.selector_events"));
  PyRef base = PyRef::steal(module ? PyObject_GetAttrString(module.get(), "BaseSelectorEventLoop")
                                   : nullptr);
  if (!base) return false;
  for (size_t kind = 0; kind < inherited.size(); ++kind) {
    inherited[kind] = PyRef::steal(PyObject_GetAttrString(base.get(), kMethods[kind].name));
    if (!inherited[kind]) return false;
  }
  return add_socket_operation_type();
}

constexpr int kHow = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef socket_methods[] = {
    {"sock_recv", method(sock_recv), kHow,
     "sock_recv(sock, n)\n\nUp to n bytes, once there are any."},
    {"sock_recv_into", method(sock_recv_into), kHow,
     "sock_recv_into(sock, buf)\n\nReceive into a buffer; how many bytes."},
    {"sock_recvfrom", method(sock_recvfrom), kHow,
     "sock_recvfrom(sock, bufsize)\n\nA datagram: (bytes, address)."},
    {"sock_recvfrom_into", method(sock_recvfrom_into), kHow,
     "sock_recvfrom_into(sock, buf, nbytes=0)\n\nA datagram into a buffer: (count, address)."},
    {"sock_sendall", method(sock_sendall), kHow, "sock_sendall(sock, data)\n\nSend all of it."},
    {"sock_sendto", method(sock_sendto), kHow,
     "sock_sendto(sock, data, address)\n\nSend a datagram; how many bytes."},
    {"sock_connect", method(sock_connect), kHow, "sock_connect(sock, address)\n\nConnect."},
    {"sock_accept", method(sock_accept), kHow,
     "sock_accept(sock)\n\nA connection: (a non-blocking socket, its peer's address)."},
    {}};

}  // namespace tricorn
