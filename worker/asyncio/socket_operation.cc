// SocketOperation: its steps, and what happens between them.
#include "worker/asyncio/socket_operation.h"

#include <cerrno>

#include "worker/asyncio/plain_socket.h"
#include "worker/loop/descriptor.h"
#include "worker/loop/loop_object.h"
#include "worker/loop/stock_future.h"
#include "worker/python/awaitable.h"
#include "worker/python/py_error.h"
#include "worker/python/tracked_pool.h"

namespace tricorn {
namespace {

struct SocketOperationObject {
  using Body = SocketOperation;

  PyObject_HEAD;
  Body body;

  // --- AwaitableSlots
  static PySendResult resume(SocketOperationObject* self, PyObject*, PyObject** result) {
    return self->body.resume(result);
  }
  static PySendResult raise(SocketOperationObject* self, PyObject* error, PyObject** result) {
    return self->body.raise(error, result);
  }
  static void close(SocketOperationObject* self) { self->body.close(); }
};

PyTypeObject* operation_type = nullptr;
TrackedPool<SocketOperationObject> pool;

SocketOperation& body_of(PyObject* self) {
  return reinterpret_cast<SocketOperationObject*>(self)->body;
}

void warn_never_awaited(const SocketMethod& method) {
  if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%s' was never awaited",
                       method.qualified_name) < 0) {
    PyError::take().unraisable(nullptr);
  }
}

void before_the_end(const SocketOperation& operation) {
  if (!operation.was_never_awaited()) return;
  if (PyErr_Occurred() == nullptr) return warn_never_awaited(operation.method());
  PyError error = PyError::take();
  warn_never_awaited(operation.method());
  std::move(error).restore();
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  before_the_end(body_of(self));
  pool.free(reinterpret_cast<SocketOperationObject*>(self));
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return body_of(self).traverse(visit, arg);
}

int clear(PyObject* self) {
  body_of(self).close();
  return 0;
}

PyObject* name_attribute(PyObject* self, void*) {
  return PyUnicode_FromString(body_of(self).method().name);
}
PyObject* qualified_name_attribute(PyObject* self, void*) {
  return PyUnicode_FromString(body_of(self).method().qualified_name);
}

PyGetSetDef attributes[] = {{"__name__", name_attribute, nullptr, nullptr, nullptr},
                            {"__qualname__", qualified_name_attribute, nullptr, nullptr, nullptr},
                            {}};

}  // namespace

void SocketOperation::set_up(PyObject* self, PyObject* loop, const SocketMethod& method) {
  self_ = self;
  loop_ = PyRef::borrow(loop);
  method_ = &method;
}

EventLoop& SocketOperation::loop() const { return event_loop_of(loop_.get()); }

PySendResult SocketOperation::resume(PyObject** result) {
  *result = nullptr;
  if (check_finished()) return PYGEN_ERROR;
  if (served_) return end(exception_ ? Progress::kError : Progress::kDone, result);
  if (may_take_) return take(result);
  if (stage_ == Stage::kNew) {
    stage_ = Stage::kRuns;
    if (!may_begin()) return end(Progress::kError, result);
  } else {
    stop_waiting();  // woken by somebody else: it has another go
  }
  return step(result);
}

bool SocketOperation::check_finished() const {
  if (stage_ != Stage::kFinished) return false;
  PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
  return true;
}

// As asyncio: in debug mode only.
bool SocketOperation::may_begin() const {
  if (!loop().debug() || is_non_blocking(call_.socket.get())) return true;
  PyErr_SetString(PyExc_ValueError, "the socket must be non-blocking");
  return false;
}

PySendResult SocketOperation::step(PyObject** result) {
  call_.fd = descriptor_of_socket(call_.socket.get());
  if (!check_no_transport(loop().io(), call_.fd, nullptr)) {
    return end(Progress::kError, result);
  }
  if (should_wait_first()) return wait(result);
  const Progress progress = attempt(false);
  return progress == Progress::kMustWait ? wait(result) : end(progress, result);
}

bool SocketOperation::should_wait_first() const {
  FdWatcher& watcher = loop().watcher();
  if (watcher.has_waiters(call_.fd, method_->direction)) return true;
  const FdWatcher::Habits* habits =
      method_->has_habits ? watcher.habits(call_.fd, call_.socket.get()) : nullptr;
  return habits != nullptr && habits->drained;
}

Progress SocketOperation::attempt(bool waited) {
  if (call_.fd < 0) return failed_with(EBADF);
  if (!method_->has_habits) return method_->attempt(call_);
  FdWatcher& watcher = loop().watcher();
  FdWatcher::Habits* habits = watcher.habits(call_.fd, call_.socket.get());
  if (habits != nullptr) call_.habits = *habits;
  const Progress progress = method_->attempt(call_);
  if (progress != Progress::kDone) return progress;
  habits = watcher.habits(call_.fd, call_.socket.get());
  if (habits != nullptr) *habits = {waited && call_.habits.drained, call_.habits.much};
  return progress;
}

// on_ready has woken the task. Meanwhile the operation has kept its place before the others.
PySendResult SocketOperation::take(PyObject** result) {
  may_take_ = false;
  call_.fd = descriptor_of_socket(call_.socket.get());
  const Progress progress = attempt(true);
  if (progress != Progress::kMustWait) return end(progress, result);
  if (waits_for_ < 0) return wait(result);
  return make_future() ? yield_future(result) : end(Progress::kError, result);
}

PySendResult SocketOperation::wait(PyObject** result) {
  FdWatcher& watcher = loop().watcher();
  if (!check_open(loop()) || !make_future()) return end(Progress::kError, result);
  waits_for_ = call_.fd;
  if (!watcher.wait(call_.fd, method_->direction, call_.socket.get(), *this)) {
    waits_for_ = -1;
    return end(Progress::kError, result);
  }
  uses_socket_ = begin_use(call_.socket.get());
  return yield_future(result);
}

// A Future is yielded as `await future` does it: marked as blocking, so that the task waits for it.
bool SocketOperation::make_future() {
  future_ = loop().future_to_await();
  return future_ && mark_future_awaited(future_.get());
}

PySendResult SocketOperation::yield_future(PyObject** result) {
  kept_ = future_.clone();
  *result = future_.clone().release();
  return PYGEN_NEXT;
}

void SocketOperation::stop_waiting() {
  if (waits_for_ < 0) return;
  loop().watcher().stop_waiting(std::exchange(waits_for_, -1), method_->direction, *this);
  let_go();
}

void SocketOperation::on_loop_closed() noexcept {
  waits_for_ = -1;
  let_go();
}

// May run Python code.
void SocketOperation::let_go() {
  const PyRef kept = std::move(kept_);
  if (std::exchange(uses_socket_, false)) end_use(call_.socket.get());
}

bool SocketOperation::lost_file() const noexcept {
  return descriptor_of_socket(call_.socket.get()) != waits_for_;
}

bool SocketOperation::on_ready() noexcept {
  PyRef alive = PyRef::borrow(self_);
  if (is_future_done(future_.get())) {  // cancelled: its task hears of it in a moment
    stop_waiting();
    return true;
  }
  if (method_->direction == Direction::kRead && !lost_file()) {
    may_take_ = true;
    wake();
    return false;
  }
  call_.fd = lost_file() ? -1 : waits_for_;
  const Progress progress = attempt(true);
  if (waits_for_ < 0) {  // closed by Python code that the attempt has run
    if (progress == Progress::kError) PyError::take().unraisable(self_);
    return true;
  }
  if (progress == Progress::kMustWait) return false;
  if (progress == Progress::kError && !keep_exception()) return false;
  served_ = true;
  stop_waiting();
  wake();
  return true;
}

// False if it must leave run_forever at once: as in asyncio, the operation then goes on waiting.
bool SocketOperation::keep_exception() {
  const bool leaves = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0 ||
                      PyErr_ExceptionMatches(PyExc_SystemExit) != 0;
  PyError error = PyError::take();
  if (leaves) {
    loop().report_from_io(std::move(error), "Exception in an operation of a socket");
  } else {
    exception_ = PyRef::borrow(error.exception());
  }
  return !leaves;
}

void SocketOperation::wake() {
  if (complete_stock_future(future_.get())) return;
  loop().report_from_io(PyError::take(), "Error in Future.set_result()");
}

PySendResult SocketOperation::end(Progress progress, PyObject** result) {
  if (exception_) PyError::of(exception_.get()).restore();
  PyRef value = std::move(call_.result);
  close();
  if (progress == Progress::kError) return PYGEN_ERROR;
  *result = value.release();
  return PYGEN_RETURN;
}

PySendResult SocketOperation::raise(PyObject* exception, PyObject** result) {
  *result = nullptr;
  if (check_finished()) return PYGEN_ERROR;
  close();
  return raise_instance(exception, result);
}

void SocketOperation::close() {
  stop_waiting();
  stage_ = Stage::kFinished;
  call_.clear();
  future_.reset();
  exception_.reset();
  loop_.reset();
}

int SocketOperation::traverse(visitproc visit, void* arg) const {
  for (const PyRef* held : {&loop_, &future_, &exception_}) {
    if (int stop = held->traverse(visit, arg)) return stop;
  }
  return call_.traverse(visit, arg);
}

PyRef make_socket_operation(PyObject* loop, const SocketMethod& method) {
  auto* object = reinterpret_cast<PyObject*>(pool.make(operation_type));
  if (object == nullptr) return {};
  body_of(object).set_up(object, loop, method);
  PyObject_GC_Track(object);
  return PyRef::steal(object);
}

SocketCall& socket_call_of(const PyRef& operation) { return body_of(operation.get()).call(); }

bool add_socket_operation_type() {
  using Slots = AwaitableSlots<SocketOperationObject>;
  static PyMethodDef methods[] = {Slots::send_def, Slots::throw_def, Slots::close_def, {}};
  static PyType_Slot slots[] = {{Py_tp_dealloc, slot(dealloc)},
                                {Py_tp_traverse, slot(traverse)},
                                {Py_tp_clear, slot(clear)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, attributes},
                                {Py_tp_iter, slot(PyObject_SelfIter)},
                                {Py_tp_iternext, slot(Slots::iternext)},
                                {Py_am_await, slot(Slots::await)},
                                {Py_am_send, slot(Slots::send)},
                                {0, nullptr}};
  static PyType_Spec spec = {"tricorn._tricorn.SocketOperation", sizeof(SocketOperationObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                                 Py_TPFLAGS_DISALLOW_INSTANTIATION,
                             slots};
  operation_type = make_type(nullptr, &spec);
  return operation_type != nullptr;
}

}  // namespace tricorn
