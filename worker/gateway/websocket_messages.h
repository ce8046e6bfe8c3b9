// ASGI messages of a WebSocket (asgi.md, www/websocket): what receive() returns, and what send()
// was given. GIL held.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/output_queue.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// --- For receive(): new dicts, or null with an error set.
PyRef connect_message();
// {"type": "websocket.receive", "text" or "bytes": data}, by the type of `data`.
PyRef receive_message_of(PyObject* data);
PyRef websocket_disconnect_message(uint16_t code, std::string_view reason);

// --- From send(): false with an error set.
// "text" or "bytes", of which exactly one is not None (P74).
struct MessageData {
  Chunk chunk;
  bool text = false;
};
bool read_data(PyObject* message, MessageData& data);

// The views live as long as `message` and the app's code do not run.
bool read_close(PyObject* message, uint16_t& code, std::string_view& reason);
// "subprotocol": a str, or None or absent: "".
bool read_subprotocol(PyObject* message, std::string_view& subprotocol);

}  // namespace tricorn
