// ASGI messages: the dictionaries that pass between the app and the server (asgi.md, HTTP). GIL
// held.
#pragma once

#include <string_view>
#include <vector>

#include "worker/protocol/exchange.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// Makes the templates of what receive() returns. False with an error set.
bool make_message_templates();

// {"type": "http.request", "body": body, "more_body": more}; null with an error set.
PyRef request_message(PyObject* body, bool more);
// The same with body b"" and more_body False: the one message of a request without a body.
PyRef empty_request_message();
PyRef disconnect_message();

// "status" within 200..999, or null; false with an error set.
bool read_status(PyObject* value, int& status);

// "headers", or null: an iterable of pairs of bytes. `holder` keeps alive what the views point
// into, as long as no code of the app runs.
bool read_headers(PyObject* value, std::vector<Header>& headers, PyRef& holder);
// message["links"], an iterable of bytes, as header fields of that name.
bool read_links(PyObject* message, std::vector<Header>& headers, PyRef& holder);
// "more_body" and the like; null is false.
bool read_flag(PyObject* value, bool& flag);

}  // namespace tricorn
