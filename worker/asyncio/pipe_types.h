// The types of pipe transports, and the methods of the loop that make them.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// Adds _tricorn.ReadPipeTransport and _tricorn.WritePipeTransport. False with an error set.
bool add_pipe_transport_types(PyObject* module);

// _make_read_pipe_transport and _make_write_pipe_transport, as asyncio's connect_read_pipe() and
// connect_write_pipe() call them: (pipe, protocol, waiter=None, extra=None).
extern PyMethodDef pipe_methods[];

}  // namespace tricorn
