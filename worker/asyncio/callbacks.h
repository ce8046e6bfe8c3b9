// What native callbacks share: the context they run in, futures they complete, errors they report.
// GIL held. None of these leaves an error set unless it says so.
#pragma once

#include "worker/loop/event_loop.h"
#include "worker/python/py_error.h"

namespace tricorn {

// Enters a contextvars.Context for a scope. One that cannot be entered, because it is current
// already, is left alone.
class EnteredContext {
 public:
  explicit EnteredContext(PyObject* context);
  EnteredContext(const EnteredContext&) = delete;
  EnteredContext& operator=(const EnteredContext&) = delete;
  ~EnteredContext();

 private:
  PyObject* context_;  // borrowed; null: not entered
};

// Raises the OSError of a positive errno.
void set_os_error(int error);

// A future that cannot tell counts as done.
bool is_done(PyObject* future);
// set_result(None), unless the future is done already.
void complete_future(EventLoop& loop, PyObject* future);
// set_exception(), likewise.
void fail_future(EventLoop& loop, PyObject* future, PyObject* exception);
// set_exception(type(text)), likewise.
void fail_future(EventLoop& loop, PyObject* future, PyObject* type, const char* text);

// Tells call_exception_handler of an error, with `message`, `transport` and `protocol`. False if it
// is a KeyboardInterrupt or SystemExit: then it leaves run_forever.
bool report_failure(EventLoop& loop, PyError error, const char* message, PyObject* transport,
                    PyObject* protocol);
// asyncio's way with errors that peers cause: a line of the debug log, in debug mode only.
void log_in_debug_mode(const EventLoop& loop, const PyError& error, const char* message,
                       PyObject* transport);
// Tells of an error that ends a transport: an OSError by log_in_debug_mode, any other by
// report_failure; if that is false, the transport stays.
bool report_fatal(EventLoop& loop, PyError error, const char* message, PyObject* transport,
                  PyObject* protocol);

}  // namespace tricorn
