// AsyncioNames: see the header.
#include "worker/asyncio/asyncio_names.h"

#include "worker/loop/asyncio_refs.h"

namespace tricorn {

AsyncioNames& asyncio_names = *new AsyncioNames;  // outlives the interpreter's end on purpose

bool load_asyncio_names() {
  struct Wanted {
    PyRef AsyncioNames::* field;
    const char* module_name;
    const char* name;
  };
  static constexpr Wanted kWanted[] = {
      {&AsyncioNames::protocol_class, "asyncio", "Protocol"},
      {&AsyncioNames::transport_class, "asyncio.transports", "_FlowControlMixin"},
      {&AsyncioNames::datagram_transport_class, "asyncio", "DatagramTransport"},
      {&AsyncioNames::read_transport_class, "asyncio", "ReadTransport"},
      {&AsyncioNames::logger, "asyncio.log", "logger"},
      {&AsyncioNames::socket_class, "socket", "socket"},
      {&AsyncioNames::transport_socket_class, "asyncio.trsock", "TransportSocket"},
  };
  for (const Wanted& wanted : kWanted) {
    PyRef module = PyRef::steal(PyImport_ImportModule(wanted.module_name));
    PyRef value =
        PyRef::steal(module ? PyObject_GetAttrString(module.get(), wanted.name) : nullptr);
    if (!value) return false;
    asyncio_names.*wanted.field = std::move(value);
  }
  return true;
}

bool asyncio_uses(const char* name, const PyRef& stock) {
  PyRef module = PyRef::steal(PyObject_GetAttrString(asyncio_refs.base_events.get(), "socket"));
  PyRef used = PyRef::steal(module ? PyObject_GetAttrString(module.get(), name) : nullptr);
  if (!used) PyErr_Clear();
  return used.get() == stock.get();
}

}  // namespace tricorn
