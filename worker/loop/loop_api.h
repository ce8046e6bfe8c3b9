// What the worker's C++ side asks of the event loop. The loop itself is a Python object
// (tricorn.Loop, a subclass of the native _tricorn.Loop); this is its native face for the gateway
// and the server.
//
// One thread, GIL held in every call and every hook.
#pragma once

#include <uv.h>

#include "worker/python/py_ref.h"

namespace tricorn {

// Called once per turn before the loop looks whether it may sleep; may make handles ready. Not
// reentrant.
class TurnHook {
 public:
  virtual void on_turn() noexcept = 0;

 protected:
  ~TurnHook() = default;
};

// Where the loop sleeps, when it is not libuv's own epoll set: the acceptor's outer set, which
// holds the listeners (EPOLLEXCLUSIVE) and libuv's backend fd, so that the kernel wakes one
// sleeping worker per connection.
class OuterPoll {
 public:
  // Sleeps up to timeout_ms (-1: for ever; 0: looks only). The loop runs uv_run(UV_RUN_NOWAIT)
  // right after it. Called WITHOUT the GIL when timeout_ms != 0: no Python, no callbacks; note what
  // happened.
  virtual void wait(int timeout_ms) noexcept = 0;
  // Called with the GIL after wait: accept and the like.
  virtual void dispatch() noexcept = 0;

 protected:
  ~OuterPoll() = default;
};

class LoopApi {
 public:
  // The native part of a Loop object; null with TypeError set if it is none. Borrowed: lives as
  // long as the object.
  static LoopApi* of(PyObject* loop);

  virtual uv_loop_t* uv() = 0;
  virtual PyObject* object() = 0;  // borrowed

  virtual void set_turn_hook(TurnHook* hook) = 0;    // null to remove
  virtual void set_outer_poll(OuterPoll* poll) = 0;  // null to remove

  // I/O callbacks run inside uv_run, which may have slept without the GIL: call this first in every
  // uv callback that touches Python (a branch when the GIL is held already).
  virtual void ensure_gil() = 0;

  // Runs `coroutine` as an asyncio.Task in `context` (a contextvars.Context, entered only for its
  // steps), its first step at once. Only where no task is current: I/O callbacks, turn hooks.
  // Returns the task; None if the first step was all and nobody can tell that there was a task; or
  // null with an error set if it could not be started. With a task factory, in debug mode, or if
  // asyncio's Task is not as we know it, the first step is queued as usual. `name`: a str,
  // borrowed.
  virtual PyRef start_task(PyObject* coroutine, PyObject* context, PyObject* name) = 0;

  // Runs the next step of `task`, which start_task has returned, at once if all that it waits for
  // is `future`, a pending one from future_to_await. False if it does not: the future is to be
  // completed then, as anybody else's. Only where start_task may be called; never leaves an error
  // set.
  virtual bool resume_task(PyObject* task, PyObject* future) = 0;
  // A pending asyncio.Future for a coroutine to yield: in a step that resume_task runs the one that
  // the task waits for anyway, else a new one. It is for asyncio alone: who looks into it would see
  // it pending when the task goes on. Null with an error set.
  virtual PyRef future_to_await() = 0;

 protected:
  ~LoopApi() = default;
};

}  // namespace tricorn
