// TaskResumer: runs the next step of a RequestTask at once, instead of a turn later, when what it
// waits for comes from C++.
//
// A task that waits for a Future costs that Future, a Handle and a step of asyncio's for each thing
// that comes. Here the coroutine goes on while what has come is in the cache, and asyncio is left
// in the belief that the task still waits: for the same Future, if it waits again. If it does not,
// asyncio is told at once what the coroutine yielded, returned or raised, so that nobody else runs
// in between: the Future is completed, and the wake-up that it asks the loop for is made here.
#pragma once

#include "worker/loop/task_runner.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class EventLoop;

class TaskResumer {
 public:
  explicit TaskResumer(EventLoop& loop) : loop_(loop) {}

  // See LoopApi::resume_task and LoopApi::future_to_await.
  bool resume(PyObject* task, PyObject* future);
  PyRef take_pending_future();

 private:
  bool take_turn(TaskRunner& runner);
  TaskRunner::Advance advance(TaskRunner& runner, PyObject* task, PyObject* future);

  EventLoop& loop_;
  // Of the step that is run; borrowed.
  PyObject* stepped_task_ = nullptr;
  PyObject* pending_future_ = nullptr;
};

}  // namespace tricorn
