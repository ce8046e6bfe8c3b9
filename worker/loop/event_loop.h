// EventLoop: the native part of a tricorn.Loop: what is ready, what is due, where to sleep, and the
// turn over them.
//
// One turn: the hook, one poll, what became due, then exactly the handles that were queued by then.
// GIL held in every call; all but wake() belong to the loop's thread.
#pragma once

#include <cstdint>
#include <utility>

#include "worker/loop/backlog.h"
#include "worker/loop/call.h"
#include "worker/loop/captured_call.h"
#include "worker/loop/fd_watcher.h"
#include "worker/loop/flush_list.h"
#include "worker/loop/handle.h"
#include "worker/loop/loop_api.h"
#include "worker/loop/poller.h"
#include "worker/loop/task_resumer.h"
#include "worker/loop/task_starter.h"
#include "worker/loop/timer_heap.h"
#include "worker/python/py_error.h"
#include "worker/uv/uv_loop.h"

namespace tricorn {

class EventLoop final : public LoopApi {
 public:
  // `object`: the Python object that owns this, borrowed.
  explicit EventLoop(PyObject* object)
      : object_(object),
        poller_(backlog_),
        watcher_(backlog_, poller_.set()),
        task_starter_(*this),
        task_resumer_(*this) {}
  ~EventLoop() { close(); }

  // Returns libuv's negative errno, or 0.
  int open();
  // Idempotent. Drops what was scheduled.
  void close();

  uv_loop_t* uv() override {
    poller_.use_uv();
    return uv_.get();
  }
  PyObject* object() override { return object_; }
  PyObject* object() const { return object_; }
  void set_turn_hook(TurnHook* hook) override { hook_ = hook; }
  void set_outer_poll(OuterPoll* outer) override { poller_.set_outer(outer); }
  void ensure_gil() override { poller_.ensure_gil(); }
  PyRef start_task(PyObject* coroutine, PyObject* context, PyObject* name) override {
    return task_starter_.start(coroutine, context, name);
  }
  bool resume_task(PyObject* task, PyObject* future) override {
    return task_resumer_.resume(task, future);
  }
  PyRef future_to_await() override {
    PyRef pending = task_resumer_.take_pending_future();
    return pending ? std::move(pending) : create_future();
  }
  PyRef create_future();  // a stock asyncio.Future of this loop

  // Each returns a Handle (call_soon: None when it was captured), or null with an
  // error set. The caller has made sure that the loop is not closed.
  PyRef call_soon(const Call& call);
  PyRef call_at(const Call& call, double when);
  // To run in the order of call_soon, but as a TimerHandle: for delays that are over already.
  PyRef call_now(const Call& call, double when);
  // Runs `native(owner)` in the order of call_soon, in `context` (null: a copy of the current one).
  // The handle that can cancel it, or null with an error set.
  PyRef call_soon_native(NativeCall native, PyObject* owner, PyObject* context);
  // The same when the clock shows `when`, in seconds.
  PyRef call_at_native(NativeCall native, PyObject* owner, PyObject* context, double when);
  void wake() { poller_.wake(); }
  void note_timer_cancelled() { timers_.note_cancelled(); }

  // Turns until stop() was called. False with the error set that ends run_forever:
  // KeyboardInterrupt, SystemExit.
  bool run();

  // Returns the one before. Null: none.
  CapturedCall* set_capture(CapturedCall* capture) { return std::exchange(capture_, capture); }
  // Whether a handle or a task's step by hand runs now; returns what it was.
  bool set_in_python(bool in_python) { return std::exchange(in_python_, in_python); }
  bool in_python() const { return in_python_; }

  uint64_t turn_number() const { return turn_number_; }
  bool debug() const { return debug_; }
  bool closed() const { return closed_; }
  // An error in an I/O callback leaves run_forever as soon as that returns.
  bool interrupted() const { return static_cast<bool>(backlog_.interrupt); }
  bool stopping() const { return backlog_.stopping; }
  unsigned long thread_id() const { return thread_id_; }
  PyObject* task_factory() const { return task_factory_.get(); }  // null: none
  PyObject* current_handle() const {
    return current_handle_.get();
  }  // null: none, or not in debug mode
  FdWatcher& watcher() { return watcher_; }
  EpollSet& io() { return poller_.set(); }
  // What transports write is gathered until the callback that writes returns.
  FlushList& flushes() { return flushes_; }
  void set_debug(bool debug) { debug_ = debug; }
  void set_closed(bool closed) { closed_ = closed; }
  void set_stopping(bool stopping) { backlog_.stopping = stopping; }
  void set_thread_id(unsigned long id) { thread_id_ = id; }
  void set_task_factory(PyRef factory) { task_factory_ = std::move(factory); }
  void set_current_handle(PyRef handle) { current_handle_ = std::move(handle); }

  // Reports `error` to loop.call_exception_handler. `handle` and `task` may be null. False with an
  // error set if the handler, or `error` itself, must leave run_forever.
  bool report(PyError error, PyRef message, Handle* handle);
  // For C++ callbacks: an error that must leave run_forever is kept for the end of the turn.
  void report_from_io(PyError error, const char* message);
  // The same with all that call_exception_handler is to be given, `error` included. False if the
  // error leaves run_forever.
  bool report_context(PyError error, PyRef context);
  // In debug mode: what ran since `started_ns` (monotonic) because a descriptor got ready.
  void warn_of_slow_io(PyObject* transport, int64_t started_ns);

  int visit(visitproc visitor, void* arg) const;
  // Drops everything that is scheduled.
  void clear_schedule();

 private:
  void keep_interrupt(PyError error);
  bool call_exception_handler(PyObject* context);
  bool turn();
  int64_t wake_at_ns();
  void queue_due_timers(int64_t now_ns);
  void pop_timer();         // to the ready ones, unless it is cancelled
  bool raises_interrupt();  // one that an I/O callback left behind: sets it as the error
  bool run_ready(size_t count);
  bool run_handle(Handle& handle);
  void after_run(Handle& handle);
  bool run_handle_in_debug(Handle& handle);
  bool call_handle(Handle& handle);
  bool call_native(Handle& handle);

  PyObject* const object_;
  UvLoop uv_;
  Backlog backlog_;
  TimerHeap<PyRef> timers_;  // TimerHandles
  Poller poller_;
  FdWatcher watcher_;
  TaskStarter task_starter_;
  TaskResumer task_resumer_;
  FlushList flushes_;
  CapturedCall* capture_ = nullptr;  // the innermost
  TurnHook* hook_ = nullptr;
  unsigned long thread_id_ = 0;  // 0: not running
  uint64_t turn_number_ = 0;
  bool in_python_ = false;
  bool debug_ = false;
  bool closed_ = false;
  PyRef task_factory_;
  PyRef future_keywords_;  // {"loop": object_}, made when it is needed
  PyRef current_handle_;
};

}  // namespace tricorn
