// Handle and TimerHandle: what call_soon, call_later and their kin return; the loop's unit of work.
//
// They are not tracked by the cycle collector: their fields are dropped when they ran, when they
// are cancelled and when the loop is closed, so a cycle through them lives only while they wait.
// `loop` is null unless they wait in it.
#pragma once

#include "worker/loop/call.h"
#include "worker/loop/queued_context.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class EventLoop;

// What a native handle runs: `owner` is the object that it was made with. Never leaves an error
// set.
using NativeCall = void (*)(PyObject* owner) noexcept;

struct Handle {
  PyObject_HEAD EventLoop* loop = nullptr;  // borrowed: the loop outlives its queues
  PyObject* weak_references = nullptr;
  PyRef callback;               // a native handle's: its owner
  NativeCall native = nullptr;  // what runs instead of the callback
  QueuedContext context;
  PyRef source_traceback;  // debug mode: where it was made
  PyRef cancelled_repr;    // debug mode: what it was before cancel() dropped the callback
  CallArguments arguments;
  double when = 0;  // TimerHandle only
  bool is_timer = false;
  bool in_heap = false;  // a TimerHandle that waits for its time
  bool repeats = false;  // a reader or writer: stays as it is when it has run
  bool running = false;
  bool cancelled = false;

  PyObject* object() { return reinterpret_cast<PyObject*>(this); }
  // The callback and its arguments as text; only while there is one. Null with an error set.
  PyRef describe() const;
  // Drops callback and arguments, unless they are running: then the loop does it afterwards.
  void drop_call();
  // The loop lets go of a handle that will not run.
  void detach();
  void cancel();
};

// A new Handle for `call` waiting in `loop`; null with an error set.
PyRef make_handle(EventLoop& loop, const Call& call);
// The same for C++ code: `native(owner)` runs in the context.
PyRef make_native_handle(EventLoop& loop, NativeCall native, PyObject* owner, PyObject* context);
PyRef make_timer_handle(EventLoop& loop, const Call& call, double when);

inline Handle& as_handle(const PyRef& ref) { return *reinterpret_cast<Handle*>(ref.get()); }

// For the loop's own tp_traverse: visits what only the loop can reach through `ref`.
int visit_handle(const PyRef& ref, visitproc visit, void* arg);

// Adds the two types to the module.
bool add_handle_types(PyObject* module);

}  // namespace tricorn
