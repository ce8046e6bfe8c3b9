// EventLoop: what it tells of failing and slow callbacks.
#include "worker/loop/asyncio_refs.h"
#include "worker/loop/event_loop.h"
#include "worker/loop/monotonic.h"
#include "worker/python/interned.h"

namespace tricorn {
namespace {

bool leaves_run_forever(const PyError& error) {
  return error.matches(PyExc_KeyboardInterrupt) || error.matches(PyExc_SystemExit);
}

// "Exception in callback f(1)", as asyncio says it.
PyRef message_for(const Handle& handle) {
  PyRef call = handle.describe();
  if (!call) return {};
  return PyRef::steal(PyUnicode_FromFormat("Exception in callback %U", call.get()));
}

bool set_item(const PyRef& dict, PyObject* key, PyObject* value) {
  return PyDict_SetItem(dict.get(), key, value) == 0;
}

// The argument of call_exception_handler; null with an error set.
PyRef failure_context(const PyError& error, const PyRef& message, Handle* handle) {
  PyRef context = PyRef::steal(PyDict_New());
  if (!context || !message || !set_item(context, interned.message, message.get()) ||
      !set_item(context, interned.exception, error.exception())) {
    return {};
  }
  if (handle == nullptr) return context;
  if (!set_item(context, interned.handle, handle->object())) return {};
  PyObject* origin = handle->source_traceback.get();
  if (origin != nullptr && !set_item(context, interned.source_traceback, origin)) return {};
  return context;
}

// `make_text(base_events)` says what took so long. False with an error set.
template <class MakeText>
bool warn_if_slow(PyObject* loop, double took_s, MakeText&& make_text) {
  PyRef limit = PyRef::steal(PyObject_GetAttrString(loop, "slow_callback_duration"));
  double slow_s = limit ? PyFloat_AsDouble(limit.get()) : -1;
  if (PyErr_Occurred() != nullptr) return false;
  if (took_s < slow_s) return true;
  PyObject* base_events = asyncio_refs.base_events.get();
  PyRef logger = PyRef::steal(PyObject_GetAttrString(base_events, "logger"));
  PyRef text = PyRef::steal(make_text(base_events));
  if (!logger || !text) return false;
  PyRef logged = PyRef::steal(PyObject_CallMethod(
      logger.get(), "warning", "sOd", "Executing %s took %.3f seconds", text.get(), took_s));
  return static_cast<bool>(logged);
}

}  // namespace

bool EventLoop::report(PyError error, PyRef message, Handle* handle) {
  if (leaves_run_forever(error)) {
    std::move(error).restore();
    return false;
  }
  if (!message && handle != nullptr) message = message_for(*handle);
  PyRef context = failure_context(error, message, handle);
  return call_exception_handler(context.get());
}

// `context`: null with an error set if there is none. False with an error set that must leave
// run_forever.
bool EventLoop::call_exception_handler(PyObject* context) {
  PyRef done;
  if (context != nullptr) {
    done =
        PyRef::steal(PyObject_CallMethodOneArg(object_, interned.call_exception_handler, context));
  }
  if (done) return true;
  PyError second = PyError::take();
  if (leaves_run_forever(second)) {
    std::move(second).restore();
    return false;
  }
  std::move(second).unraisable(object_);
  return true;
}

void EventLoop::keep_interrupt(PyError error) {
  if (!backlog_.interrupt) backlog_.interrupt = PyRef::borrow(error.exception());
}

void EventLoop::report_from_io(PyError error, const char* message) {
  if (report(std::move(error), PyRef::steal(PyUnicode_FromString(message)), nullptr)) return;
  keep_interrupt(PyError::take());
}

bool EventLoop::report_context(PyError error, PyRef context) {
  if (leaves_run_forever(error)) {
    keep_interrupt(std::move(error));
    return false;
  }
  if (!call_exception_handler(context.get())) keep_interrupt(PyError::take());
  return true;
}

bool EventLoop::run_handle_in_debug(Handle& handle) {
  current_handle_ = PyRef::borrow(handle.object());
  int64_t started_ns = monotonic_ns();
  bool go_on = call_handle(handle);
  double took = seconds_of(monotonic_ns() - started_ns);
  current_handle_.reset();
  if (!go_on) return false;
  auto format = [&](PyObject* base_events) {
    return PyObject_CallMethod(base_events, "_format_handle", "O", handle.object());
  };
  return warn_if_slow(object_, took, format) || report(PyError::take(), {}, &handle);
}

void EventLoop::warn_of_slow_io(PyObject* transport, int64_t started_ns) {
  auto describe = [&](PyObject*) { return PyObject_Repr(transport); };
  if (warn_if_slow(object_, seconds_of(monotonic_ns() - started_ns), describe)) return;
  report_from_io(PyError::take(), "Error in the log of slow callbacks");
}

}  // namespace tricorn
