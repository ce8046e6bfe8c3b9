// Socket addresses as Python's socket module writes and reads them (makesockaddr and getsockaddrarg
// in CPython's Modules/socketmodule.c; documented under "Socket families").
//
// GIL held. Nothing is looked up or kept.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "worker/python/py_ref.h"

namespace tricorn {

// A struct sockaddr with its length, for system calls to read and fill.
struct SockAddr {
  union {
    sockaddr base;
    sockaddr_in in;
    sockaddr_in6 in6;
    sockaddr_un un;
    sockaddr_storage storage;
  };
  socklen_t length = 0;  // what of it means something

  SockAddr() {}  // nothing to clear: made for each datagram
  // All of it is the kernel's to fill.
  void make_room() { length = sizeof storage; }
  bool operator==(const SockAddr& other) const;  // the same bytes
};

// What recvfrom() and getsockname() return for it:
//   AF_INET   (host, port)
//   AF_INET6  (host, port, flowinfo, scope_id), the host without its zone
//   AF_UNIX   the path, a str; an abstract name, bytes; an unnamed one, '' or, if the kernel gave
//             nothing at all (the sender of a datagram), None
// Null with an error set; null without one for any other family: ask the socket itself.
PyRef address_object(const SockAddr& address);

// Reads an address of `family`, if that takes no look-up of a name: AF_INET and AF_INET6 with a
// numeric host and exact ints, AF_UNIX paths (str, bytes). False, without an error set, for all
// others, wrong ones among them: ask the socket itself, it resolves the host or raises.
bool read_address(int family, PyObject* object, SockAddr& out);

}  // namespace tricorn
