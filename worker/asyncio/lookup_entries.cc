// Answers of getaddrinfo() as Python's objects: see the header.
#include "worker/asyncio/lookup_entries.h"

#include <algorithm>
#include <cstring>

namespace tricorn {
namespace {

// Looked up once, never freed.
struct SocketNames {
  PyRef gaierror;  // socket.gaierror
  PyRef ipv4;      // socket.AF_INET, the enum's member; and so on
  PyRef ipv6;
  PyRef stream;
  PyRef datagram;
  PyRef raw;
};
SocketNames& names = *new SocketNames;

PyRef number(int value) { return PyRef::steal(PyLong_FromLong(value)); }

PyRef family_of(int family) {
  if (family == AF_INET) return names.ipv4.clone();
  return family == AF_INET6 ? names.ipv6.clone() : number(family);
}

PyRef type_of(int type) {
  switch (type) {
    case SOCK_STREAM:
      return names.stream.clone();
    case SOCK_DGRAM:
      return names.datagram.clone();
    case SOCK_RAW:
      return names.raw.clone();
    default:
      return number(type);
  }
}

// False with an error set.
bool append(const PyRef& list, const SockAddr& address, int type, int protocol,
            const char* canonical_name) {
  PyRef items[] = {family_of(address.base.sa_family), type_of(type), number(protocol),
                   PyRef::steal(PyUnicode_FromString(canonical_name)), address_object(address)};
  if (std::ranges::any_of(items, [](auto& item) { return !item; })) return false;
  PyRef entry = PyRef::steal(PyTuple_Pack(5, items[0].get(), items[1].get(), items[2].get(),
                                          items[3].get(), items[4].get()));
  return entry && PyList_Append(list.get(), entry.get()) == 0;
}

}  // namespace

bool load_lookup_entries() {
  struct Wanted {
    PyRef SocketNames::* field;
    const char* name;
  };
  static constexpr Wanted kWanted[] = {
      {&SocketNames::gaierror, "gaierror"},   {&SocketNames::ipv4, "AF_INET"},
      {&SocketNames::ipv6, "AF_INET6"},       {&SocketNames::stream, "SOCK_STREAM"},
      {&SocketNames::datagram, "SOCK_DGRAM"}, {&SocketNames::raw, "SOCK_RAW"}};
  PyRef socket = PyRef::steal(PyImport_ImportModule("socket"));
  return socket && std::ranges::all_of(kWanted, [&](const Wanted& wanted) {
           names.*wanted.field = PyRef::steal(PyObject_GetAttrString(socket.get(), wanted.name));
           return static_cast<bool>(names.*wanted.field);
         });
}

PyRef entries_of(const addrinfo& list) {
  PyRef entries = PyRef::steal(PyList_New(0));
  for (const addrinfo* each = &list; entries && each != nullptr; each = each->ai_next) {
    SockAddr address;
    address.length = std::min<socklen_t>(each->ai_addrlen, sizeof address.storage);
    std::memcpy(&address.storage, each->ai_addr, address.length);
    const char* name = each->ai_canonname == nullptr ? "" : each->ai_canonname;
    if (!append(entries, address, each->ai_socktype, each->ai_protocol, name)) return {};
  }
  return entries;
}

PyRef entries_for(const SockAddr& literal, const LookupQuery& query) {
  PyRef entries = PyRef::steal(PyList_New(0));
  for (const SocketKind& kind : kSocketKinds) {
    if (!query.admits(kind)) continue;
    if (!entries || !append(entries, literal, kind.type, kind.protocol, "")) return {};
  }
  return entries;
}

PyRef lookup_exception(int error, int system_error) {
  const bool of_system = error == EAI_SYSTEM;
  const char* text = of_system ? std::strerror(system_error) : ::gai_strerror(error);
  return PyRef::steal(PyObject_CallFunction(of_system ? PyExc_OSError : names.gaierror.get(), "is",
                                            of_system ? system_error : error, text));
}

}  // namespace tricorn
