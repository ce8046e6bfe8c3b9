// TaskStarter: makes an asyncio.Task and runs its first step at once, instead of a turn later.
//
// Task.__init__ ends in loop.call_soon(step, context=...). While a spare task is made, that call is
// captured, recognised by its context: `step` is kept, and run only if the task turns out to be
// needed (request_task.h).
#pragma once

#include "worker/loop/request_task.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class EventLoop;

// Whether a step may be run by hand now: tasks are not stepped within each other, and in debug mode
// asyncio is to see them all.
bool may_step(const EventLoop& loop);

class TaskStarter {
 public:
  explicit TaskStarter(EventLoop& loop) : loop_(loop) {}

  // See LoopApi::start_task.
  PyRef start(PyObject* coroutine, PyObject* context, PyObject* name);

  void drop_spare() { SpareTask dropped = std::move(spare_); }
  int visit(visitproc visitor, void* arg) const {
    const int stop = spare_.task.traverse(visitor, arg);
    return stop != 0 ? stop : spare_.step.traverse(visitor, arg);
  }

 private:
  bool run_first_step(SpareTask& spare, PyObject* coroutine, PyObject* context, PyObject* name);
  SpareTask make_spare();

  EventLoop& loop_;
  SpareTask spare_;  // kept for the next start
};

}  // namespace tricorn
