// The loop's methods that make and serve stream transports: what asyncio's create_connection,
// create_server and their kin call.
#pragma once

#include <memory>

#include "worker/asyncio/stream_sink.h"
#include "worker/loop/event_loop.h"

namespace tricorn {

// What asyncio may give a stream transport; borrowed. None: nothing.
struct StreamExtras {
  PyObject* waiter = Py_None;
  PyObject* extra = Py_None;
  PyObject* server = Py_None;
  PyObject* context = Py_None;  // since Python 3.15; None: a copy of the current one
};

// A started SocketTransport over a socket.socket; null with an error set.
PyRef make_stream_transport(EventLoop& loop, PyObject* socket, std::shared_ptr<StreamSink> sink,
                            const StreamExtras& extras);

extern PyMethodDef stream_methods[];

}  // namespace tricorn
