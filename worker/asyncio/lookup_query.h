// LookupQuery: the arguments of the loop's getaddrinfo(), as far as they are of the usual kinds.
//
// Each reader returns false for what is unusual or wrong, without an error set: the socket module
// is to be asked then, it knows better or raises. GIL held; nothing is kept.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string_view>

#include "worker/asyncio/address_lookup.h"
#include "worker/asyncio/socket_address.h"

namespace tricorn {

// The kinds of socket that an address is for when nothing more is said. A wish for a type or a
// protocol leaves those that have it.
struct SocketKind {
  int type;
  int protocol;
  bool for_any_wish;  // false: only when there is none
};
inline constexpr SocketKind kSocketKinds[] = {
    {SOCK_STREAM, IPPROTO_TCP, true}, {SOCK_DGRAM, IPPROTO_UDP, true}, {SOCK_RAW, 0, false}};

struct LookupQuery {
  int family = AF_UNSPEC;
  int type = 0;
  int protocol = 0;
  int flags = 0;

  // Its keywords, whose values are `values`. `flags`: those that are usual.
  bool read(PyObject* const* values, PyObject* keywords, int usual_flags);
  bool admits(const SocketKind& kind) const;
  bool admits_any() const;
};

// An exact int or member of an enum of ints.
bool read_int(PyObject* object, int& out);

// A numeric host without a zone, of `family` (AF_UNSPEC: IPv4 or IPv6), and a numeric port.
bool read_literal(PyObject* host, PyObject* port, int family, SockAddr& out);

// None, or a name that IDNA leaves as it is: a str of ASCII, no label empty or longer than 63.
bool read_host_name(PyObject* object, std::optional<std::string>& out);
// None, an int, or a str or bytes of ASCII.
bool read_service(PyObject* object, std::optional<std::string>& out);

}  // namespace tricorn
