// The native methods of _tricorn.Loop. What is not here comes from asyncio's own selector event
// loop.
#include "worker/loop/asyncio_refs.h"
#include "worker/loop/call_parser.h"
#include "worker/loop/loop_object.h"
#include "worker/loop/monotonic.h"
#include "worker/python/interned.h"

namespace tricorn {

bool check_open(const EventLoop& loop) {
  if (!loop.closed()) return true;
  PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
  return false;
}

namespace {

// In debug mode: asyncio's own checks, which a subclass may have its say in.
bool check_in_debug(EventLoop& loop, const char* method_name, const Call& call, bool own_thread) {
  if (!loop.debug()) return true;
  if (own_thread) {
    PyRef checked = PyRef::steal(PyObject_CallMethod(loop.object(), "_check_thread", nullptr));
    if (!checked) return false;
  }
  PyRef checked = PyRef::steal(
      PyObject_CallMethod(loop.object(), "_check_callback", "Os", call.callback, method_name));
  return static_cast<bool>(checked);
}

PyObject* call_soon(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                    PyObject* keywords) {
  static constexpr CallSignature kSignature = {"call_soon", nullptr};
  EventLoop& loop = event_loop_of(self);
  PyObject* first;
  Call call;
  if (!parse_call(kSignature, arguments, count, keywords, &first, call) || !check_open(loop) ||
      !check_in_debug(loop, kSignature.method, call, true)) {
    return nullptr;
  }
  return loop.call_soon(call).release();
}

PyObject* call_soon_threadsafe(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                               PyObject* keywords) {
  static constexpr CallSignature kSignature = {"call_soon_threadsafe", nullptr};
  EventLoop& loop = event_loop_of(self);
  PyObject* first;
  Call call;
  if (!parse_call(kSignature, arguments, count, keywords, &first, call) || !check_open(loop) ||
      !check_in_debug(loop, kSignature.method, call, false)) {
    return nullptr;
  }
  PyRef handle = loop.call_soon(call);
  loop.wake();
  return handle.release();
}

// A number of seconds. False with an error set.
bool parse_seconds(PyObject* value, const char* name, double& seconds) {
  if (value == Py_None) {
    PyErr_Format(PyExc_TypeError, "%s must not be None", name);
    return false;
  }
  seconds = PyFloat_AsDouble(value);
  if (seconds == -1 && PyErr_Occurred() != nullptr) return false;
  if (seconds == seconds) return true;
  PyErr_Format(PyExc_ValueError, "%s must not be NaN", name);
  return false;
}

PyObject* call_later(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                     PyObject* keywords) {
  static constexpr CallSignature kSignature = {"call_later", "delay"};
  EventLoop& loop = event_loop_of(self);
  PyObject* first;
  Call call;
  double delay;
  if (!parse_call(kSignature, arguments, count, keywords, &first, call) ||
      !parse_seconds(first, "delay", delay) || !check_open(loop) ||
      !check_in_debug(loop, kSignature.method, call, true)) {
    return nullptr;
  }
  double when = seconds_of(monotonic_ns()) + delay;
  return (delay > 0 ? loop.call_at(call, when) : loop.call_now(call, when)).release();
}

PyObject* call_at(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                  PyObject* keywords) {
  static constexpr CallSignature kSignature = {"call_at", "when"};
  EventLoop& loop = event_loop_of(self);
  PyObject* first;
  Call call;
  double when;
  if (!parse_call(kSignature, arguments, count, keywords, &first, call) ||
      !parse_seconds(first, "when", when) || !check_open(loop) ||
      !check_in_debug(loop, kSignature.method, call, true)) {
    return nullptr;
  }
  return loop.call_at(call, when).release();
}

PyObject* create_future(PyObject* self, PyObject*) {
  return event_loop_of(self).create_future().release();
}

// The plain case is native; a task factory, debug mode and keywords of later versions are
// asyncio's.
PyObject* create_task(PyObject* self, PyObject* const* arguments, Py_ssize_t count,
                      PyObject* keywords) {
  EventLoop& loop = event_loop_of(self);
  bool plain = count == 1 && loop.task_factory() == nullptr && !loop.debug();
  PyObject* context = nullptr;
  PyObject* name = nullptr;
  Py_ssize_t keyword_count = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
  for (Py_ssize_t i = 0; plain && i < keyword_count; ++i) {
    PyObject* keyword = PyTuple_GET_ITEM(keywords, i);
    if (PyUnicode_Compare(keyword, interned.name) == 0) {
      name = arguments[count + i];
    } else if (PyUnicode_Compare(keyword, interned.context) == 0) {
      context = arguments[count + i];
    } else {
      plain = false;
    }
  }
  if (plain) {
    return check_open(loop) ? make_task(self, arguments[0], context, name).release() : nullptr;
  }
  PyRef inherited =
      PyRef::steal(PyObject_GetAttrString(asyncio_refs.base_event_loop.get(), "create_task"));
  PyRef bound = PyRef::steal(inherited ? PyMethod_New(inherited.get(), self) : nullptr);
  if (!bound) return nullptr;
  return PyObject_Vectorcall(bound.get(), arguments, static_cast<size_t>(count), keywords);
}

// (coroutine, context, name): LoopApi::start_task for Python code that runs in no task.
PyObject* start_task(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (count != 3 || !PyContext_CheckExact(arguments[1]) || !PyUnicode_Check(arguments[2])) {
    PyErr_SetString(PyExc_TypeError, "a coroutine, a context and a name are needed");
    return nullptr;
  }
  PyAsyncMethods* async = Py_TYPE(arguments[0])->tp_as_async;
  if (async == nullptr || async->am_await == nullptr) {
    return PyErr_Format(PyExc_TypeError, "a coroutine was expected, got %R", arguments[0]);
  }
  EventLoop& loop = event_loop_of(self);
  if (!check_open(loop)) return nullptr;
  return loop.start_task(arguments[0], arguments[1], arguments[2]).release();
}

// (task, future): LoopApi::resume_task, likewise.
PyObject* resume_task(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "a task and a future are needed");
    return nullptr;
  }
  return PyBool_FromLong(event_loop_of(self).resume_task(arguments[0], arguments[1]) ? 1 : 0);
}

PyObject* future_to_await(PyObject* self, PyObject*) {
  return event_loop_of(self).future_to_await().release();
}

PyObject* run_once(PyObject* self, PyObject*) {
  if (!event_loop_of(self).run()) return nullptr;
  Py_RETURN_NONE;
}

PyObject* stop(PyObject* self, PyObject*) {
  event_loop_of(self).set_stopping(true);
  Py_RETURN_NONE;
}

PyObject* time(PyObject*, PyObject*) { return PyFloat_FromDouble(seconds_of(monotonic_ns())); }

PyObject* is_running(PyObject* self, PyObject*) {
  return PyBool_FromLong(event_loop_of(self).thread_id() != 0);
}
PyObject* is_closed(PyObject* self, PyObject*) {
  return PyBool_FromLong(event_loop_of(self).closed());
}
PyObject* get_debug(PyObject* self, PyObject*) {
  return PyBool_FromLong(event_loop_of(self).debug());
}

PyObject* check_closed(PyObject* self, PyObject*) {
  if (!check_open(event_loop_of(self))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* write_to_self(PyObject* self, PyObject*) {
  event_loop_of(self).wake();
  Py_RETURN_NONE;
}

PyObject* close_native(PyObject* self, PyObject*) {
  event_loop_of(self).close();
  Py_RETURN_NONE;
}

}  // namespace

PyMethodDef loop_methods[] = {
    {"call_soon", method(call_soon), METH_FASTCALL | METH_KEYWORDS,
     "call_soon(callback, *args, context=None)\n\nRun callback in the next turn."},
    {"call_soon_threadsafe", method(call_soon_threadsafe), METH_FASTCALL | METH_KEYWORDS,
     "call_soon_threadsafe(callback, *args, context=None)\n\ncall_soon from any thread."},
    {"call_later", method(call_later), METH_FASTCALL | METH_KEYWORDS,
     "call_later(delay, callback, *args, context=None)\n\nRun callback after delay seconds."},
    {"call_at", method(call_at), METH_FASTCALL | METH_KEYWORDS,
     "call_at(when, callback, *args, context=None)\n\nRun callback when time() is when."},
    {"create_future", create_future, METH_NOARGS, "An asyncio.Future of this loop."},
    {"create_task", method(create_task), METH_FASTCALL | METH_KEYWORDS,
     "create_task(coro, *, name=None, context=None)\n\nAn asyncio.Task that runs coro."},
    {"stop", stop, METH_NOARGS, "Leave run_forever() at the end of this turn."},
    {"time", time, METH_NOARGS, "The loop's clock, in seconds."},
    {"is_running", is_running, METH_NOARGS, "Whether the loop runs now."},
    {"is_closed", is_closed, METH_NOARGS, "Whether the loop was closed."},
    {"get_debug", get_debug, METH_NOARGS, "Whether debug mode is on."},
    {"_run_once", run_once, METH_NOARGS, "Turns until stop(); run_forever() is asyncio's own."},
    {"_start_task", method(start_task), METH_FASTCALL,
     "_start_task(coro, context, name)\n\ncreate_task, with the first step run at once."},
    {"_resume_task", method(resume_task), METH_FASTCALL,
     "_resume_task(task, future)\n\nRuns the step of a task that waits for this future."},
    {"_future_to_await", future_to_await, METH_NOARGS,
     "A future to wait for: the one that _resume_task was given, while it is pending."},
    {"_check_closed", check_closed, METH_NOARGS, nullptr},
    {"_write_to_self", write_to_self, METH_NOARGS, "Ends a sleep of the loop, from any thread."},
    {"_close_native", close_native, METH_NOARGS, "Frees everything that is not Python's."},
    {}};

}  // namespace tricorn
