// The loop's methods that make and serve stream transports: what asyncio's create_connection,
// create_server and their kin call.
#pragma once

#include <memory>

#include "worker/asyncio/stream_sink.h"
#include "worker/loop/event_loop.h"

namespace tricorn {

// A started SocketTransport over a socket.socket; null with an error set. None for `waiter`,
// `extra` or `server`: none.
PyRef make_stream_transport(EventLoop& loop, PyObject* socket, std::shared_ptr<StreamSink> sink,
                            PyObject* waiter, PyObject* extra, PyObject* server);

extern PyMethodDef stream_methods[];

}  // namespace tricorn
