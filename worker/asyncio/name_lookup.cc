// The methods getaddrinfo() and getnameinfo(): see the header.
#include "worker/asyncio/name_lookup.h"

#include <netdb.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/lookup_entries.h"
#include "worker/asyncio/lookup_query.h"
#include "worker/asyncio/ready_awaitable.h"
#include "worker/asyncio/resolver.h"
#include "worker/asyncio/socket_address.h"
#include "worker/loop/asyncio_refs.h"
#include "worker/loop/loop_object.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

// Looked up once, never freed.
struct LookupNames {
  PyRef getnameinfo;         // asyncio's own
  PyRef look_up_by_name;     // the method's name
  PyRef socket_getaddrinfo;  // the module's function, as it was at first
};
LookupNames& names = *new LookupNames;

constexpr int kFlagsOfLiterals = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
constexpr int kFlagsOfNames = kFlagsOfLiterals | AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL;

// False with an error set.
bool audit(PyObject* host, PyObject* port, const LookupQuery& query) {
  return PySys_Audit("socket.getaddrinfo", "OOiii", host, port, query.family, query.type,
                     query.protocol) >= 0;
}

PyObject* getaddrinfo(PyObject* self, PyObject* const* values, Py_ssize_t count,
                      PyObject* keywords) {
  LookupQuery query;
  SockAddr address;
  // In debug mode asyncio logs how long it took.
  if (count != 2 || event_loop_of(self).debug() ||
      !query.read(values + count, keywords, kFlagsOfLiterals) ||
      !read_literal(values[0], values[1], query.family, address) ||
      !asyncio_uses("getaddrinfo", names.socket_getaddrinfo)) {
    PyRef by_name = PyRef::steal(PyObject_GetAttr(self, names.look_up_by_name.get()));
    if (!by_name) return nullptr;
    return PyObject_Vectorcall(by_name.get(), values, static_cast<size_t>(count), keywords);
  }
  if (!audit(values[0], values[1], query)) return nullptr;
  return make_ready_awaitable(entries_for(address, query), "getaddrinfo").release();
}

// None: the question is for the socket module, or no thread can be had.
PyObject* look_up(PyObject* self, PyObject* const* values, Py_ssize_t count, PyObject* keywords) {
  EventLoop& loop = event_loop_of(self);
  LookupQuery query;
  auto question = std::make_unique<AddressLookup>();
  if (count != 2 || loop.debug() || !query.read(values + count, keywords, kFlagsOfNames) ||
      !read_host_name(values[0], question->host) || !read_service(values[1], question->service) ||
      !asyncio_uses("getaddrinfo", names.socket_getaddrinfo)) {
    Py_RETURN_NONE;
  }
  if (!check_open(loop) || !audit(values[0], values[1], query)) return nullptr;
  question->hints.ai_family = query.family;
  question->hints.ai_socktype = query.type;
  question->hints.ai_protocol = query.protocol;
  question->hints.ai_flags = query.flags;
  Resolver* resolver = Resolver::of(loop);
  PyRef future = resolver == nullptr ? PyRef() : resolver->ask(std::move(question));
  if (!future && PyErr_Occurred() == nullptr) Py_RETURN_NONE;
  return future.release();
}

// (host, port) in text; null with an error set.
PyRef texts_of(const SockAddr& address) {
  PyRef object = address_object(address);
  if (!object) return {};
  PyRef port = PyRef::steal(PyObject_Str(PyTuple_GET_ITEM(object.get(), 1)));
  if (!port) return {};
  return PyRef::steal(PyTuple_Pack(2, PyTuple_GET_ITEM(object.get(), 0), port.get()));
}

// Whether `object` is a numeric address without a zone, which has a name of its own.
bool read_numeric(PyObject* object, SockAddr& out) {
  if (read_address(AF_INET, object, out)) return true;
  return read_address(AF_INET6, object, out) && out.in6.sin6_scope_id == 0;
}

PyObject* getnameinfo(PyObject* self, PyObject* const* values, Py_ssize_t count,
                      PyObject* keywords) {
  constexpr int kNumeric = NI_NUMERICHOST | NI_NUMERICSERV;
  int flags = 0;
  SockAddr address;
  const bool given = count == 2 && keywords == nullptr && PyTuple_CheckExact(values[0]) != 0 &&
                     read_int(values[1], flags);
  if (!given || (flags & ~NI_DGRAM) != kNumeric || !read_numeric(values[0], address)) {
    PyRef inherited = PyRef::steal(PyMethod_New(names.getnameinfo.get(), self));
    if (!inherited) return nullptr;
    return PyObject_Vectorcall(inherited.get(), values, static_cast<size_t>(count), keywords);
  }
  if (PySys_Audit("socket.getnameinfo", "(O)", values[0]) < 0) return nullptr;
  return make_ready_awaitable(texts_of(address), "getnameinfo").release();
}

}  // namespace

bool load_name_lookup() {
  names.getnameinfo =
      PyRef::steal(PyObject_GetAttrString(asyncio_refs.base_event_loop.get(), "getnameinfo"));
  names.look_up_by_name = PyRef::steal(PyUnicode_InternFromString("_look_up_by_name"));
  PyRef socket = PyRef::steal(PyImport_ImportModule("socket"));
  if (!names.getnameinfo || !names.look_up_by_name || !socket) return false;
  names.socket_getaddrinfo = PyRef::steal(PyObject_GetAttrString(socket.get(), "getaddrinfo"));
  return names.socket_getaddrinfo && load_lookup_entries() && add_ready_awaitable_type();
}

constexpr int kHow = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef name_lookup_methods[] = {
    {"getaddrinfo", method(getaddrinfo), kHow,
     "getaddrinfo(host, port, *, family=0, type=0, proto=0, flags=0)\n\nsocket.getaddrinfo()."},
    {"_look_up", method(look_up), kHow,
     "_look_up(host, port, *, family=0, type=0, proto=0, flags=0)\n\n"
     "A future of what socket.getaddrinfo() returns. None: ask that."},
    {"getnameinfo", method(getnameinfo), kHow,
     "getnameinfo(sockaddr, flags=0)\n\nsocket.getnameinfo()."},
    {}};

}  // namespace tricorn
