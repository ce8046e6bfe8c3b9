// TaskStarter: makes an asyncio.Task and runs its first step at once, instead of a turn later; and
// later steps, too, when what the task waits for comes from C++.
//
// Task.__init__ ends in loop.call_soon(step, context=...). While a spare task is made, the loop
// shows each call_soon to capture(), which recognises that one by its context: `step` is then kept
// here, and run only if the task turns out to be needed (request_task.h).
#pragma once

#include "worker/loop/call.h"
#include "worker/loop/request_task.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class EventLoop;

class TaskStarter {
 public:
  explicit TaskStarter(EventLoop& loop) : loop_(loop) {}

  // See LoopApi::start_task.
  PyRef start(PyObject* coroutine, PyObject* context, PyObject* name);

  // See LoopApi::resume_task and LoopApi::future_to_await.
  bool resume(PyObject* task, PyObject* future);
  PyRef take_pending_future();

  // True: `call` is the first step of the task being made, and must not be queued.
  bool capture(const Call& call) {
    if (expected_context_ == nullptr || call.context != expected_context_) return false;
    return capture_step(call);
  }

  void drop_spare() { SpareTask dropped = std::move(spare_); }
  int visit(visitproc visitor, void* arg) const {
    const int stop = spare_.task.traverse(visitor, arg);
    return stop != 0 ? stop : spare_.step.traverse(visitor, arg);
  }

 private:
  bool may_step() const;
  bool capture_step(const Call& call);
  bool run_first_step(SpareTask& spare, PyObject* coroutine, PyObject* context, PyObject* name);
  bool advance(TaskRunner& runner, PyObject* task, PyObject* future);
  SpareTask make_spare();

  EventLoop& loop_;
  PyObject* expected_context_ = nullptr;  // borrowed; null: no start is under way
  PyRef step_;
  SpareTask spare_;                     // kept for the next start
  PyObject* pending_future_ = nullptr;  // borrowed: of the step that resume() runs
};

}  // namespace tricorn
