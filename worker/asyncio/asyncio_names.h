// AsyncioNames: classes and functions of asyncio and socket that transports use, looked up once per
// process.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

struct AsyncioNames {
  PyRef protocol_class;            // asyncio.Protocol
  PyRef transport_class;           // asyncio.transports._FlowControlMixin, an asyncio.Transport
  PyRef datagram_transport_class;  // asyncio.DatagramTransport
  PyRef read_transport_class;      // asyncio.ReadTransport
  PyRef logger;                    // asyncio.log.logger
  PyRef socket_class;              // socket.socket
  PyRef transport_socket_class;    // asyncio.trsock.TransportSocket
};

// Filled by load_asyncio_names(); never freed.
extern AsyncioNames& asyncio_names;

// False with an error set.
bool load_asyncio_names();

// Whether `socket.name`, as asyncio's event loops see it, is still `stock`: tests and sandboxes put
// their own in its place, which are then to be asked. Leaves no error set.
bool asyncio_uses(const char* name, const PyRef& stock);

}  // namespace tricorn
