// _tricorn.Loop: see the header.
#include "worker/asyncio/loop_type.h"

#include <vector>

#include "worker/asyncio/asyncio_names.h"
#include "worker/asyncio/connector.h"
#include "worker/asyncio/datagram_transport.h"
#include "worker/asyncio/executor_call.h"
#include "worker/asyncio/name_lookup.h"
#include "worker/asyncio/pipe_types.h"
#include "worker/asyncio/plain_socket.h"
#include "worker/asyncio/socket_methods.h"
#include "worker/asyncio/socket_transport.h"
#include "worker/asyncio/stream_methods.h"
#include "worker/asyncio/stream_reader.h"
#include "worker/asyncio/tls_methods.h"
#include "worker/asyncio/tls_stream.h"
#include "worker/loop/loop_object.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

// All methods of this layer; each table ends with an empty entry.
std::vector<PyMethodDef>& all_methods() {
  static auto& all = *new std::vector<PyMethodDef>;
  for (PyMethodDef* table :
       {stream_methods, socket_methods, name_lookup_methods, tls_methods, datagram_methods,
        pipe_methods, reader_methods, executor_methods, connector_methods}) {
    for (; table->ml_name != nullptr; ++table) all.push_back(*table);
  }
  all.emplace_back();
  return all;
}

bool add_loop_type(PyObject* module) {
  static PyType_Slot slots[] = {{Py_tp_methods, all_methods().data()},
                                {Py_tp_doc, const_cast<char*>("The native part of tricorn.Loop.")},
                                {}};
  static PyType_Spec spec = {"tricorn._tricorn.Loop", 0, 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  return make_type(module, &spec, reinterpret_cast<PyObject*>(base_loop_type)) != nullptr;
}

}  // namespace

bool add_asyncio_types(PyObject* module) {
  const bool loaded = load_asyncio_names() && load_stream_reader() && load_plain_socket() &&
                      load_socket_methods() && load_name_lookup() && load_executor_call() &&
                      add_connector_type();
  return loaded && add_socket_transport_type(module) && add_ssl_transport_type(module) &&
         add_datagram_transport_type(module) && add_pipe_transport_types(module) &&
         add_loop_type(module);
}

}  // namespace tricorn
