// FailureReport: what the log says of a request that the app failed: which one it was, whose, and
// the traceback. GIL held.
#pragma once

#include <string_view>

#include "common/logging.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// The objects may be what the app made of them: its scope is its own.
struct FailedRequest {
  PyObject* method = nullptr;  // a str
  PyObject* path = nullptr;    // a str
  PyObject* scope = nullptr;   // null: not known any more
};

// Text: "GET /path: the app raised (client 127.0.0.1:5000, request id 7f3a)", and the traceback of
// `exception` (null: none) below it, with all that it was caused by or groups. JSON: one object
// with "message", "method", "path", "client", "request_id" and "traceback". The path is percent-
// encoded: what a client sent cannot forge a line.
void report_failure(LogLevel level, const FailedRequest& request, std::string_view what,
                    PyObject* exception);

}  // namespace tricorn
