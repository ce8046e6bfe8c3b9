// LookupQuery: see the header. Which kinds of socket a literal is for is what glibc does with
// numeric hosts and services (getaddrinfo(3)).
#include "worker/asyncio/lookup_query.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace tricorn {
namespace {

constexpr size_t kLongestLiteral = INET6_ADDRSTRLEN;
constexpr size_t kLongestName = 253;  // RFC 1035, 2.3.4, in text
constexpr size_t kLongestLabel = 63;

// A plain str of ASCII or plain bytes, without NUL.
bool read_text(PyObject* object, std::string_view& out) {
  if (PyUnicode_CheckExact(object) != 0 && PyUnicode_IS_COMPACT_ASCII(object) != 0) {
    out = {static_cast<const char*>(PyUnicode_DATA(object)),
           static_cast<size_t>(PyUnicode_GET_LENGTH(object))};
  } else if (PyBytes_CheckExact(object) != 0) {
    out = {PyBytes_AS_STRING(object), static_cast<size_t>(PyBytes_GET_SIZE(object))};
  } else {
    return false;
  }
  return out.find('\0') == std::string_view::npos;
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

bool read_address_of(std::string_view text, int family, uint16_t port, SockAddr& out) {
  char host[kLongestLiteral] = {};
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

}  // namespace

bool LookupQuery::admits(const SocketKind& kind) const {
  if (type == 0 && protocol == 0) return true;
  return kind.for_any_wish && (type == 0 || type == kind.type) &&
         (protocol == 0 || protocol == kind.protocol);
}

bool LookupQuery::admits_any() const {
  return std::ranges::any_of(kSocketKinds, [&](auto& kind) { return admits(kind); });
}

bool LookupQuery::read(PyObject* const* values, PyObject* keywords, int usual_flags) {
  struct Keyword {
    const char* name;
    int LookupQuery::* field;
  };
  static constexpr Keyword kKeywords[] = {{"family", &LookupQuery::family},
                                          {"type", &LookupQuery::type},
                                          {"proto", &LookupQuery::protocol},
                                          {"flags", &LookupQuery::flags}};
  const Py_ssize_t count = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* name = PyTuple_GET_ITEM(keywords, i);
    const auto* keyword = std::ranges::find_if(kKeywords, [&](const Keyword& known) {
      return PyUnicode_CompareWithASCIIString(name, known.name) == 0;
    });
    if (keyword == std::end(kKeywords) || !read_int(values[i], this->*keyword->field)) return false;
  }
  const bool known_family = family == AF_UNSPEC || family == AF_INET || family == AF_INET6;
  return known_family && (flags & ~usual_flags) == 0 && admits_any();
}

bool read_int(PyObject* object, int& out) {
  if (PyLong_Check(object) == 0) return false;
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(object, &overflow);
  out = static_cast<int>(value);
  return overflow == 0 && out == value;
}

bool read_literal(PyObject* host, PyObject* port, int family, SockAddr& out) {
  std::string_view text;
  uint16_t number = 0;
  return read_port(port, number) && read_text(host, text) && !text.empty() &&
         text.size() < kLongestLiteral && read_address_of(text, family, number, out);
}

bool read_host_name(PyObject* object, std::optional<std::string>& out) {
  out.reset();
  if (object == Py_None) return true;
  std::string_view name;
  if (PyUnicode_CheckExact(object) == 0 || !read_text(object, name)) return false;
  if (name.empty() || name.size() > kLongestName) return false;
  for (size_t start = 0; start < name.size();) {
    const size_t length = std::min(name.find('.', start), name.size()) - start;
    if (length == 0 || length > kLongestLabel) return false;
    start += length + 1;
  }
  out = name;
  return true;
}

bool read_service(PyObject* object, std::optional<std::string>& out) {
  out.reset();
  if (object == Py_None) return true;
  std::string_view text;
  if (read_text(object, text)) {
    out = text;
    return true;
  }
  int port = 0;
  if (PyLong_CheckExact(object) == 0 || !read_int(object, port)) return false;
  out = std::to_string(port);
  return true;
}

}  // namespace tricorn
