// getaddrinfo() and getnameinfo() of literals: see the header. What is answered here, and how, is
// what glibc does with numeric hosts and services (getaddrinfo(3)).
#include "worker/asyncio/name_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "worker/asyncio/ready_awaitable.h"
#include "worker/asyncio/socket_address.h"
#include "worker/loop/asyncio_refs.h"
#include "worker/loop/loop_object.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

// Looked up once, never freed.
struct LookupNames {
  PyRef getaddrinfo;  // asyncio's own
  PyRef getnameinfo;
  PyRef ipv4;  // socket.AF_INET, the enum's member; and so on
  PyRef ipv6;
  PyRef stream;
  PyRef datagram;
  PyRef raw;
};
LookupNames& names = *new LookupNames;

// The kinds of socket that an address is for when nothing more is said. A wish for a type or a
// protocol leaves those that have it.
struct SocketKind {
  int type;
  int protocol;
  PyRef LookupNames::* member;
  bool for_any_wish;  // false: only when there is none
};
constexpr SocketKind kKinds[] = {{SOCK_STREAM, IPPROTO_TCP, &LookupNames::stream, true},
                                 {SOCK_DGRAM, IPPROTO_UDP, &LookupNames::datagram, true},
                                 {SOCK_RAW, 0, &LookupNames::raw, false}};

struct Query {
  int family = AF_UNSPEC;
  int type = 0;
  int protocol = 0;
  int flags = 0;

  bool admits(const SocketKind& kind) const {
    if (type == 0 && protocol == 0) return true;
    return kind.for_any_wish && (type == 0 || type == kind.type) &&
           (protocol == 0 || protocol == kind.protocol);
  }
};

constexpr size_t kLongestHost = INET6_ADDRSTRLEN;
constexpr int kHarmlessFlags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;

// An exact int or member of an enum of ints. Leaves no error set.
bool read_int(PyObject* object, int& out) {
  if (PyLong_Check(object) == 0) return false;
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(object, &overflow);
  out = static_cast<int>(value);
  return overflow == 0 && out == value;
}

// A plain str of ASCII or plain bytes. False if it is neither.
bool read_text(PyObject* object, std::string_view& out) {
  if (PyUnicode_CheckExact(object) != 0 && PyUnicode_IS_COMPACT_ASCII(object) != 0) {
    out = {static_cast<const char*>(PyUnicode_DATA(object)),
           static_cast<size_t>(PyUnicode_GET_LENGTH(object))};
    return true;
  }
  if (PyBytes_CheckExact(object) == 0) return false;
  out = {PyBytes_AS_STRING(object), static_cast<size_t>(PyBytes_GET_SIZE(object))};
  return true;
}

// None, a number, or one in digits. Larger numbers than a port can be are left to the C library.
bool read_port(PyObject* object, uint16_t& out) {
  out = 0;
  if (object == Py_None) return true;
  std::string_view digits;
  if (read_text(object, digits)) {
    const char* end = digits.data() + digits.size();
    return !digits.empty() &&
           std::from_chars(digits.data(), end, out) == std::from_chars_result{end, std::errc{}};
  }
  int port = 0;
  if (PyLong_CheckExact(object) == 0 || !read_int(object, port) || port < 0 || port > 0xffff) {
    return false;
  }
  out = static_cast<uint16_t>(port);
  return true;
}

bool read_host(PyObject* object, int family, uint16_t port, SockAddr& out) {
  std::string_view text;
  if (!read_text(object, text) || text.empty() || text.size() >= kLongestHost ||
      text.find('\0') != std::string_view::npos) {
    return false;
  }
  char host[kLongestHost] = {};
  std::ranges::copy(text, host);
  out.storage = {};
  out.base.sa_family = AF_INET;
  if (family != AF_INET6 && inet_pton(AF_INET, host, &out.in.sin_addr) == 1) {
    out.in.sin_port = htons(port);
    out.length = sizeof out.in;
    return true;
  }
  out.base.sa_family = AF_INET6;
  out.in6.sin6_port = htons(port);
  out.length = sizeof out.in6;
  return family != AF_INET && inet_pton(AF_INET6, host, &out.in6.sin6_addr) == 1;
}

// The keywords of getaddrinfo(). False for all that is unusual, without an error set.
bool read_query(PyObject* const* values, PyObject* keywords, Query& out) {
  struct Keyword {
    const char* name;
    int Query::* field;
  };
  static constexpr Keyword kKeywords[] = {{"family", &Query::family},
                                          {"type", &Query::type},
                                          {"proto", &Query::protocol},
                                          {"flags", &Query::flags}};
  const Py_ssize_t count = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(keywords, i);
    const auto* keyword = std::ranges::find_if(kKeywords, [&](const Keyword& known) {
      return PyUnicode_CompareWithASCIIString(name, known.name) == 0;
    });
    if (keyword == std::end(kKeywords) || !read_int(values[i], out.*keyword->field)) return false;
  }
  const bool family = out.family == AF_UNSPEC || out.family == AF_INET || out.family == AF_INET6;
  return family && (out.flags & ~kHarmlessFlags) == 0;
}

// (family, kind, protocol, "", address); null with an error set.
PyRef entry_for(const SockAddr& address, const SocketKind& kind) {
  const PyRef& family = address.base.sa_family == AF_INET ? names.ipv4 : names.ipv6;
  PyRef protocol = PyRef::steal(PyLong_FromLong(kind.protocol));
  PyRef no_name = PyRef::steal(PyUnicode_New(0, 0));
  PyRef object = address_object(address);
  if (!protocol || !no_name || !object) return {};
  return PyRef::steal(PyTuple_Pack(5, family.get(), (names.*kind.member).get(), protocol.get(),
                                   no_name.get(), object.get()));
}

// What socket.getaddrinfo() returns; null with an error set.
PyRef entries_for(const SockAddr& address, const Query& query) {
  PyRef list = PyRef::steal(PyList_New(0));
  for (const SocketKind& kind : kKinds) {
    if (!query.admits(kind)) continue;
    PyRef entry = list ? entry_for(address, kind) : PyRef();
    if (!entry || PyList_Append(list.get(), entry.get()) < 0) return {};
  }
  return list;
}

PyObject* call_inherited(const PyRef& function, PyObject* self, PyObject* const* values,
                         Py_ssize_t count, PyObject* keywords) {
  PyRef bound = PyRef::steal(PyMethod_New(function.get(), self));
  if (!bound) return nullptr;
  return PyObject_Vectorcall(bound.get(), values, static_cast<size_t>(count), keywords);
}

PyObject* getaddrinfo(PyObject* self, PyObject* const* values, Py_ssize_t count,
                      PyObject* keywords) {
  Query query;
  uint16_t port = 0;
  SockAddr address;
  const bool wished = count == 2 && read_query(values + count, keywords, query) &&
                      std::ranges::any_of(kKinds, [&](auto& kind) { return query.admits(kind); });
  // In debug mode asyncio logs how long it took.
  if (!wished || event_loop_of(self).debug() || !read_port(values[1], port) ||
      !read_host(values[0], query.family, port, address)) {
    return call_inherited(names.getaddrinfo, self, values, count, keywords);
  }
  if (PySys_Audit("socket.getaddrinfo", "OOiii", values[0], values[1], query.family, query.type,
                  query.protocol) < 0) {
    return nullptr;
  }
  return make_ready_awaitable(entries_for(address, query), "getaddrinfo").release();
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
    return call_inherited(names.getnameinfo, self, values, count, keywords);
  }
  if (PySys_Audit("socket.getnameinfo", "(O)", values[0]) < 0) return nullptr;
  return make_ready_awaitable(texts_of(address), "getnameinfo").release();
}

}  // namespace

bool load_name_lookup() {
  struct Wanted {
    PyRef LookupNames::* field;
    const char* name;
  };
  static constexpr Wanted kOfLoop[] = {{&LookupNames::getaddrinfo, "getaddrinfo"},
                                       {&LookupNames::getnameinfo, "getnameinfo"}};
  static constexpr Wanted kOfSocket[] = {{&LookupNames::ipv4, "AF_INET"},
                                         {&LookupNames::ipv6, "AF_INET6"},
                                         {&LookupNames::stream, "SOCK_STREAM"},
                                         {&LookupNames::datagram, "SOCK_DGRAM"},
                                         {&LookupNames::raw, "SOCK_RAW"}};
  PyRef socket = PyRef::steal(PyImport_ImportModule("socket"));
  const auto load = [](const PyRef& owner, const Wanted& wanted) {
    names.*wanted.field =
        PyRef::steal(owner ? PyObject_GetAttrString(owner.get(), wanted.name) : nullptr);
    return static_cast<bool>(names.*wanted.field);
  };
  return std::ranges::all_of(kOfSocket, [&](auto& wanted) { return load(socket, wanted); }) &&
         std::ranges::all_of(
             kOfLoop, [&](auto& wanted) { return load(asyncio_refs.base_event_loop, wanted); }) &&
         add_ready_awaitable_type();
}

constexpr int kHow = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef name_lookup_methods[] = {
    {"getaddrinfo", method(getaddrinfo), kHow,
     "getaddrinfo(host, port, *, family=0, type=0, proto=0, flags=0)\n\nsocket.getaddrinfo()."},
    {"getnameinfo", method(getnameinfo), kHow,
     "getnameinfo(sockaddr, flags=0)\n\nsocket.getnameinfo()."},
    {}};

}  // namespace tricorn
