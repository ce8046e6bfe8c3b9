// Socket addresses: see the header.
#include "worker/asyncio/socket_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "worker/python/py_error.h"

namespace tricorn {
namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);
constexpr long kMaxPort = 0xffff;
constexpr long kMaxFlowInfo = 0xfffff;
constexpr long kMaxScopeId = 0xffffffff;

PyRef ascii_text(std::string_view text) {
  PyRef object = PyRef::steal(PyUnicode_New(static_cast<Py_ssize_t>(text.size()), 127));
  if (object) std::memcpy(PyUnicode_1BYTE_DATA(object.get()), text.data(), text.size());
  return object;
}

// glibc's inet_ntop goes through sprintf, which costs as much as all the rest here.
PyRef ipv4_text(const in_addr& address) {
  char text[4 * 4];  // each number with the point after it
  char* end = text;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&address);
  for (int i = 0; i < 4; ++i) {
    end = std::to_chars(end, end + 3, bytes[i]).ptr;
    *end++ = '.';
  }
  return ascii_text({text, end - 1});
}

PyRef ipv6_text(const in6_addr& address) {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &address, text, sizeof text);
  return ascii_text(text);
}

PyRef host_and_numbers(PyRef host, std::initializer_list<unsigned long> numbers) {
  PyRef tuple = PyRef::steal(PyTuple_New(static_cast<Py_ssize_t>(1 + numbers.size())));
  if (!tuple || !host) return {};
  PyTuple_SET_ITEM(tuple.get(), 0, host.release());
  Py_ssize_t place = 1;
  for (unsigned long number : numbers) {
    PyObject* object = PyLong_FromUnsignedLong(number);
    if (object == nullptr) return {};
    PyTuple_SET_ITEM(tuple.get(), place++, object);
  }
  return tuple;
}

PyRef unix_object(const SockAddr& address) {
  const char* path = address.un.sun_path;
  const size_t length = address.length > kPathOffset ? address.length - kPathOffset : 0;
  if (length > 0 && path[0] == '\0') {
    return PyRef::steal(PyBytes_FromStringAndSize(path, static_cast<Py_ssize_t>(length)));
  }
  return PyRef::steal(
      PyUnicode_DecodeFSDefaultAndSize(path, static_cast<Py_ssize_t>(strnlen(path, length))));
}

// The number at `place` of an address. False if it is not an exact int of 0 to `max`.
bool read_number(PyObject* tuple, Py_ssize_t place, long max, long& out) {
  PyObject* object = PyTuple_GET_ITEM(tuple, place);
  if (PyLong_CheckExact(object) == 0) return false;
  int overflow = 0;
  out = PyLong_AsLongAndOverflow(object, &overflow);
  return overflow == 0 && out >= 0 && out <= max;
}

// The host of an address, if it is one that inet_pton may read. Null, without an error set, if not.
const char* plain_host(PyObject* tuple) {
  PyObject* host = PyTuple_GET_ITEM(tuple, 0);
  if (PyUnicode_CheckExact(host) == 0 || PyUnicode_IS_COMPACT_ASCII(host) == 0) return nullptr;
  const auto* text = static_cast<const char*>(PyUnicode_DATA(host));
  const bool whole = strlen(text) == static_cast<size_t>(PyUnicode_GET_LENGTH(host));
  return whole ? text : nullptr;
}

bool read_inet(PyObject* tuple, SockAddr& out) {
  if (PyTuple_GET_SIZE(tuple) != 2) return false;
  const char* host = plain_host(tuple);
  long port = 0;
  if (host == nullptr || !read_number(tuple, 1, kMaxPort, port)) return false;
  out.length = sizeof out.in;
  out.in = {};
  out.in.sin_family = AF_INET;
  out.in.sin_port = htons(static_cast<uint16_t>(port));
  return inet_pton(AF_INET, host, &out.in.sin_addr) == 1;
}

bool read_inet6(PyObject* tuple, SockAddr& out) {
  const Py_ssize_t size = PyTuple_GET_SIZE(tuple);
  if (size < 2 || size > 4) return false;
  const char* host = plain_host(tuple);
  long port = 0;
  long flow_info = 0;
  long scope_id = 0;
  if (host == nullptr || !read_number(tuple, 1, kMaxPort, port) ||
      (size > 2 && !read_number(tuple, 2, kMaxFlowInfo, flow_info)) ||
      (size > 3 && !read_number(tuple, 3, kMaxScopeId, scope_id))) {
    return false;
  }
  out.length = sizeof out.in6;
  out.in6 = {};
  out.in6.sin6_family = AF_INET6;
  out.in6.sin6_port = htons(static_cast<uint16_t>(port));
  out.in6.sin6_flowinfo = htonl(static_cast<uint32_t>(flow_info));
  out.in6.sin6_scope_id = static_cast<uint32_t>(scope_id);
  return inet_pton(AF_INET6, host, &out.in6.sin6_addr) == 1;
}

// An abstract name counts to its last byte, a path ends with a zero byte. An empty one is abstract.
bool put_path(std::string_view path, SockAddr& out) {
  const bool abstract = path.empty() || path.front() == '\0';
  const size_t size = path.size() + (abstract ? 0 : 1);
  if (size > sizeof out.un.sun_path) return false;
  out.un = {};
  out.un.sun_family = AF_UNIX;
  if (!path.empty()) std::memcpy(out.un.sun_path, path.data(), path.size());
  out.length = static_cast<socklen_t>(kPathOffset + size);
  return true;
}

std::string_view view_of_bytes(PyObject* bytes) {
  return {PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))};
}

bool read_unix(PyObject* path, SockAddr& out) {
  if (PyBytes_Check(path) != 0) return put_path(view_of_bytes(path), out);
  if (PyUnicode_Check(path) == 0) return false;
  PyRef encoded = PyRef::steal(PyUnicode_EncodeFSDefault(path));
  if (encoded) return put_path(view_of_bytes(encoded.get()), out);
  static_cast<void>(PyError::take());  // the socket raises it again
  return false;
}

}  // namespace

bool SockAddr::operator==(const SockAddr& other) const {
  return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
}

PyRef address_object(const SockAddr& address) {
  if (address.length == 0) return PyRef::none();
  const sockaddr_in& in = address.in;
  const sockaddr_in6& in6 = address.in6;
  switch (address.base.sa_family) {
    case AF_INET:
      return host_and_numbers(ipv4_text(in.sin_addr), {ntohs(in.sin_port)});
    case AF_INET6:
      return host_and_numbers(ipv6_text(in6.sin6_addr),
                              {ntohs(in6.sin6_port), ntohl(in6.sin6_flowinfo), in6.sin6_scope_id});
    case AF_UNIX:
      return unix_object(address);
    default:
      return {};
  }
}

bool read_address(int family, PyObject* object, SockAddr& out) {
  if (family == AF_UNIX) return read_unix(object, out);
  if (PyTuple_Check(object) == 0) return false;
  if (family == AF_INET) return read_inet(object, out);
  return family == AF_INET6 && read_inet6(object, out);
}

}  // namespace tricorn
