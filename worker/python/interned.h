// Names that C++ looks up in Python again and again, made once per process and never freed.
#pragma once

#include <cstddef>

#include "worker/python/py_ref.h"

namespace tricorn {

// X(identifier, text): one line per use; add names where they are needed.
#define TRICORN_INTERNED(X)                                    \
  /* the loop */                                               \
  X(context, "context")                                        \
  X(loop, "loop")                                              \
  X(name, "name")                                              \
  X(eager_start, "eager_start")                                \
  X(set_result, "set_result")                                  \
  X(set_exception, "set_exception")                            \
  X(asyncio_future_blocking, "_asyncio_future_blocking")       \
  X(done, "done")                                              \
  X(cancelled, "cancelled")                                    \
  X(result, "result")                                          \
  X(add_done_callback, "add_done_callback")                    \
  X(cancel, "cancel")                                          \
  X(cancelling, "cancelling")                                  \
  X(call_exception_handler, "call_exception_handler")          \
  X(message, "message")                                        \
  X(exception, "exception")                                    \
  X(handle, "handle")                                          \
  X(source_traceback, "source_traceback")                      \
  /* coroutines */                                             \
  X(throw_, "throw")                                           \
  X(close, "close")                                            \
  /* protocols of transports */                                \
  X(connection_made, "connection_made")                        \
  X(connection_lost, "connection_lost")                        \
  X(pause_writing, "pause_writing")                            \
  X(resume_writing, "resume_writing")                          \
  X(data_received, "data_received")                            \
  X(eof_received, "eof_received")                              \
  X(datagram_received, "datagram_received")                    \
  X(error_received, "error_received")                          \
  /* the scope */                                              \
  X(type, "type")                                              \
  X(asgi, "asgi")                                              \
  X(version, "version")                                        \
  X(spec_version, "spec_version")                              \
  X(http_version, "http_version")                              \
  X(method, "method")                                          \
  X(scheme, "scheme")                                          \
  X(path, "path")                                              \
  X(raw_path, "raw_path")                                      \
  X(query_string, "query_string")                              \
  X(root_path, "root_path")                                    \
  X(headers, "headers")                                        \
  X(client, "client")                                          \
  X(server, "server")                                          \
  X(state, "state")                                            \
  X(extensions, "extensions")                                  \
  X(https, "https")                                            \
  X(http, "http")                                              \
  X(wss, "wss")                                                \
  X(ws, "ws")                                                  \
  X(websocket, "websocket")                                    \
  X(subprotocols, "subprotocols")                              \
  X(websocket_response, "websocket.http.response")             \
  /* messages */                                               \
  X(body, "body")                                              \
  X(more_body, "more_body")                                    \
  X(status, "status")                                          \
  X(trailers, "trailers")                                      \
  X(http_request, "http.request")                              \
  X(http_disconnect, "http.disconnect")                        \
  X(http_response_start, "http.response.start")                \
  X(http_response_body, "http.response.body")                  \
  X(early_hint, "http.response.early_hint")                    \
  X(response_trailers, "http.response.trailers")               \
  X(pathsend, "http.response.pathsend")                        \
  X(zerocopysend, "http.response.zerocopysend")                \
  /* messages of a WebSocket */                                \
  X(websocket_label, "WebSocket")                              \
  X(websocket_connect, "websocket.connect")                    \
  X(websocket_receive, "websocket.receive")                    \
  X(websocket_disconnect, "websocket.disconnect")              \
  X(websocket_accept, "websocket.accept")                      \
  X(websocket_send, "websocket.send")                          \
  X(websocket_close, "websocket.close")                        \
  X(websocket_response_start, "websocket.http.response.start") \
  X(websocket_response_body, "websocket.http.response.body")   \
  X(subprotocol, "subprotocol")                                \
  X(text, "text")                                              \
  X(bytes, "bytes")                                            \
  X(code, "code")                                              \
  X(reason, "reason")                                          \
  /* messages of extensions */                                 \
  X(links, "links")                                            \
  X(more_trailers, "more_trailers")                            \
  X(file, "file")                                              \
  X(offset, "offset")                                          \
  X(count, "count")                                            \
  X(tell, "tell")                                              \
  X(seek, "seek")

struct Interned {
#define TRICORN_DECLARE(identifier, text) PyObject* identifier;
  TRICORN_INTERNED(TRICORN_DECLARE)
#undef TRICORN_DECLARE
};

// Filled by make_interned(); borrowed from here.
extern Interned interned;

// Once, at module initialisation. False with an error set when out of memory.
bool make_interned();

}  // namespace tricorn
