// EventLoop: life, scheduling and the turn.
#include "worker/loop/event_loop.h"

#include "worker/loop/asyncio_refs.h"
#include "worker/loop/monotonic.h"
#include "worker/loop/stock_future.h"
#include "worker/python/interned.h"

namespace tricorn {

int EventLoop::open() {
  if (int error = uv_.open(); error < 0) return error;
  return poller_.open(uv_.get());
}

void EventLoop::close() {
  closed_ = true;
  clear_schedule();
  poller_.set().drop_listeners();
  watcher_.close();
  poller_.close();
  if (!uv_.close()) {
    PyErr_SetString(PyExc_ResourceWarning, "libuv handles were open when their loop was closed");
    PyErr_WriteUnraisable(nullptr);
  }
}

void EventLoop::clear_schedule() {
  // Dropping callbacks runs Python code; the loop is consistent before.
  ReadyRing<PyRef> ready = std::exchange(backlog_.ready, {});
  TimerHeap<PyRef> timers = std::exchange(timers_, {});
  task_starter_.drop_spare();
  future_keywords_.reset();
  while (!ready.empty()) {
    PyRef handle = ready.pop();
    as_handle(handle).detach();
  }
  while (!timers.empty()) {
    PyRef handle = timers.pop();
    as_handle(handle).detach();
  }
}

int EventLoop::visit(visitproc visitor, void* arg) const {
  int stop = 0;
  auto visit_one = [&](const PyRef& handle) {
    if (stop == 0) stop = visit_handle(handle, visitor, arg);
  };
  backlog_.ready.for_each(visit_one);
  timers_.for_each(visit_one);
  if (stop == 0) stop = watcher_.visit(visitor, arg);
  if (stop == 0) stop = poller_.set().visit(visitor, arg);
  if (stop == 0) stop = task_factory_.traverse(visitor, arg);
  if (stop == 0) stop = task_starter_.visit(visitor, arg);
  if (stop == 0) stop = future_keywords_.traverse(visitor, arg);
  return stop;
}

PyRef EventLoop::create_future() {
  if (!future_keywords_) {
    future_keywords_ = PyRef::steal(PyDict_New());
    if (!future_keywords_ || PyDict_SetItem(future_keywords_.get(), interned.loop, object_) < 0) {
      future_keywords_.reset();
      return {};
    }
  }
  PyRef future = make_stock_future(future_keywords_.get());
  if (closed_) future_keywords_.reset();  // nobody would: it refers to the loop
  return future;
}

PyRef EventLoop::call_soon(const Call& call) {
  if (capture_ != nullptr && capture_->take(call)) [[unlikely]]
    return PyRef::none();
  PyRef handle = make_handle(*this, call);
  if (handle) backlog_.ready.push(handle.clone());
  return handle;
}

PyRef EventLoop::call_at(const Call& call, double when) {
  PyRef handle = make_timer_handle(*this, call, when);
  if (!handle) return {};
  as_handle(handle).in_heap = true;
  timers_.push(when, handle.clone());
  return handle;
}

PyRef EventLoop::call_now(const Call& call, double when) {
  PyRef handle = make_timer_handle(*this, call, when);
  if (handle) backlog_.ready.push(handle.clone());
  return handle;
}

PyRef EventLoop::call_soon_native(NativeCall native, PyObject* owner, PyObject* context) {
  PyRef handle = make_native_handle(*this, native, owner, context);
  if (handle) backlog_.ready.push(handle.clone());
  return handle;
}

PyRef EventLoop::call_at_native(NativeCall native, PyObject* owner, PyObject* context,
                                double when) {
  Call call;
  call.callback = owner;
  call.context = context;
  PyRef handle = call_at(call, when);
  if (handle) as_handle(handle).native = native;
  return handle;
}

bool EventLoop::run() {
  poller_.forget_last_poll();
  do {
    if (!turn()) return false;
  } while (!backlog_.stopping);
  return true;
}

bool EventLoop::turn() {
  ++turn_number_;
  if (hook_ != nullptr) hook_->on_turn();
  flushes_.run();
  const size_t queued = backlog_.ready.size();
  io().set_holds_back(queued > 0);
  int64_t now_ns = poller_.poll(monotonic_ns(), wake_at_ns());
  flushes_.run();
  if (raises_interrupt() || PyErr_CheckSignals() < 0) return false;
  queue_due_timers(now_ns);
  const size_t in_all = backlog_.ready.size();
  if (!io().has_held_back()) return run_ready(in_all);
  // In asyncio's order: what was queued before, I/O, timers.
  if (!run_ready(queued)) return false;
  poller_.dispatch_held_back();
  return !raises_interrupt() && run_ready(in_all - queued);
}

bool EventLoop::raises_interrupt() {
  if (!interrupted()) return false;
  PyRef interrupt = std::move(backlog_.interrupt);
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(interrupt.get())), interrupt.get());
  return true;
}

int64_t EventLoop::wake_at_ns() {
  while (!timers_.empty() && as_handle(timers_.top()).cancelled) pop_timer();
  if (timers_.empty()) return Poller::kNever;
  constexpr double kFarAway = 9e9;  // seconds; what fits into int64_t nanoseconds
  double when = timers_.top_when();
  if (when >= kFarAway) return Poller::kNever - 1;
  if (when <= 0) return 0;
  return static_cast<int64_t>(when * 1e9);
}

void EventLoop::pop_timer() {
  PyRef handle = timers_.pop();
  as_handle(handle).in_heap = false;
  if (as_handle(handle).cancelled) {
    timers_.forget_cancelled();
    as_handle(handle).detach();
  } else {
    backlog_.ready.push(std::move(handle));
  }
}

void EventLoop::queue_due_timers(int64_t now_ns) {
  std::vector<PyRef> dropped =
      timers_.drop_cancelled([](const PyRef& handle) { return as_handle(handle).cancelled; });
  for (PyRef& handle : dropped) as_handle(handle).detach();
  double now = seconds_of(now_ns);
  while (!timers_.empty() && timers_.top_when() <= now) pop_timer();
}

bool EventLoop::run_ready(size_t count) {
  for (size_t left = count; left > 0 && !backlog_.ready.empty(); --left) {
    PyRef handle = backlog_.ready.pop();
    if (!run_handle(as_handle(handle))) return false;
  }
  return true;
}

bool EventLoop::run_handle(Handle& handle) {
  if (handle.cancelled) {
    if (!handle.repeats) handle.detach();
    return true;
  }
  handle.running = true;
  in_python_ = true;
  const bool go_on = debug_ ? run_handle_in_debug(handle) : call_handle(handle);
  in_python_ = false;
  handle.running = false;
  if (go_on) {
    after_run(handle);
    return !raises_interrupt();  // a native callback's
  }
  PyError error = PyError::take();
  after_run(handle);
  std::move(error).restore();
  return false;
}

// Runs Python code: no error may be set.
void EventLoop::after_run(Handle& handle) {
  flushes_.run();
  if (!handle.repeats || handle.cancelled) handle.detach();
}

bool EventLoop::call_handle(Handle& handle) {
  if (handle.native != nullptr) return call_native(handle);
  size_t nargsf = handle.arguments.count() | PY_VECTORCALL_ARGUMENTS_OFFSET;
  PyRef result = call_in_context(handle.context.use(), handle.callback.get(),
                                 handle.arguments.first(), nargsf);
  return result || report(PyError::take(), {}, &handle);
}

bool EventLoop::call_native(Handle& handle) {
  if (PyContext_Enter(handle.context.use()) < 0) return report(PyError::take(), {}, &handle);
  handle.native(handle.callback.get());
  exit_context(handle.context.get());
  return true;
}

}  // namespace tricorn
