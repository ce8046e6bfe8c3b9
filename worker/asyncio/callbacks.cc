// Callbacks: see the header.
#include "worker/asyncio/callbacks.h"

#include <cerrno>

#include "worker/asyncio/asyncio_names.h"
#include "worker/loop/call.h"
#include "worker/python/interned.h"

namespace tricorn {

bool is_done(PyObject* future) {
  PyRef done = PyRef::steal(PyObject_CallMethodNoArgs(future, interned.done));
  if (!done) PyErr_Clear();
  return !done || done.get() != Py_False;
}

EnteredContext::EnteredContext(PyObject* context) : context_(context) {
  if (PyContext_Enter(context) == 0) return;
  PyErr_Clear();
  context_ = nullptr;
}

EnteredContext::~EnteredContext() {
  if (context_ != nullptr) exit_context(context_);
}

void set_os_error(int error) {
  errno = error;
  PyErr_SetFromErrno(PyExc_OSError);
}

void complete_future(EventLoop& loop, PyObject* future) {
  if (is_done(future)) return;
  PyRef done = PyRef::steal(PyObject_CallMethodOneArg(future, interned.set_result, Py_None));
  if (!done) loop.report_from_io(PyError::take(), "Error in Future.set_result()");
}

void fail_future(EventLoop& loop, PyObject* future, PyObject* type, const char* text) {
  PyRef exception = PyRef::steal(PyObject_CallFunction(type, "s", text));
  if (exception) return fail_future(loop, future, exception.get());
  loop.report_from_io(PyError::take(), "Error in Future.set_exception()");
}

void fail_future(EventLoop& loop, PyObject* future, PyObject* exception) {
  if (is_done(future)) return;
  PyRef done = PyRef::steal(PyObject_CallMethodOneArg(future, interned.set_exception, exception));
  if (!done) loop.report_from_io(PyError::take(), "Error in Future.set_exception()");
}

void log_in_debug_mode(const EventLoop& loop, const PyError& error, const char* message,
                       PyObject* transport) {
  if (!loop.debug()) return;
  PyRef debug = PyRef::steal(PyObject_GetAttrString(asyncio_names.logger.get(), "debug"));
  PyRef arguments = PyRef::steal(Py_BuildValue("(sOs)", "%r: %s", transport, message));
  PyRef keywords = PyRef::steal(Py_BuildValue("{s:O}", "exc_info", error.exception()));
  PyRef logged;
  if (debug && arguments && keywords) {
    logged = PyRef::steal(PyObject_Call(debug.get(), arguments.get(), keywords.get()));
  }
  if (!logged) PyError::take().unraisable(transport);
}

bool report_fatal(EventLoop& loop, PyError error, const char* message, PyObject* transport,
                  PyObject* protocol) {
  if (error.matches(PyExc_OSError)) {
    log_in_debug_mode(loop, error, message, transport);
    return true;
  }
  return report_failure(loop, std::move(error), message, transport, protocol);
}

bool report_failure(EventLoop& loop, PyError error, const char* message, PyObject* transport,
                    PyObject* protocol) {
  PyRef context =
      PyRef::steal(Py_BuildValue("{s:s,s:O,s:O,s:O}", "message", message, "exception",
                                 error.exception(), "transport", transport, "protocol", protocol));
  if (context) return loop.report_context(std::move(error), std::move(context));
  PyError::take().unraisable(transport);
  return true;
}

}  // namespace tricorn
