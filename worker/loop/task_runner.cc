// TaskRunner: see the header.
#include "worker/loop/task_runner.h"

#include <utility>

#include "worker/loop/call.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

PyTypeObject* runner_type = nullptr;

TaskRunner* runner_of(PyObject* self) { return reinterpret_cast<TaskRunner*>(self); }

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  int stop = 0;
  const TaskRunner& runner = *runner_of(self);
  for (const PyRef* field : {&runner.coroutine, &runner.context, &runner.name, &runner.step_result,
                             &runner.awaited, &runner.task_context}) {
    if (stop == 0) stop = field->traverse(visit, arg);
  }
  return stop;
}

int clear(PyObject* self) {
  runner_of(self)->forget();
  runner_of(self)->task_context.reset();
  return 0;
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  clear(self);
  free_object(self);
}

// With the message of the cancellation that reached the task.
bool cancel(PyObject* awaited, PyObject* cancellation) {
  PyRef method = PyRef::steal(PyObject_GetAttr(awaited, interned.cancel));
  PyRef message = PyRef::steal(PyObject_GetAttrString(cancellation, "args"));
  PyRef cancelled = method && message && PyTuple_Check(message.get())
                        ? PyRef::steal(PyObject_Call(method.get(), message.get(), nullptr))
                        : PyRef();
  if (!cancelled) PyErr_Clear();
  return cancelled.get() == Py_True;
}

}  // namespace

void TaskRunner::begin(PyObject* new_coroutine, PyObject* new_context, PyObject* new_name) {
  coroutine = PyRef::borrow(new_coroutine);
  context = PyRef::borrow(new_context);
  name = PyRef::borrow(new_name);
  PyObject* result = nullptr;
  const PySendResult outcome = send(Py_None, &result);
  record(outcome, result);
}

TaskRunner::Advance TaskRunner::advance() {
  PyRef entered = context.clone();
  if (PyContext_Enter(entered.get()) < 0) {
    PyErr_Clear();
    return Advance::kNotRun;
  }
  PyRef future = std::move(awaited);
  PyObject* result = nullptr;
  const PySendResult outcome = PyIter_Send(coroutine.get(), Py_None, &result);
  exit_context(entered.get());
  record(outcome, result);
  if (step != Step::kYielded || step_result.get() != future.get()) return Advance::kToTell;
  // As Task does with what it is to wait for.
  if (PyObject_SetAttr(future.get(), interned.asyncio_future_blocking, Py_False) < 0) {
    PyError::take().unraisable(future.get());
  }
  step = Step::kTold;
  step_result.reset();
  awaited = std::move(future);
  return Advance::kWaitsAgain;
}

void TaskRunner::record(PySendResult outcome, PyObject* result) {
  switch (outcome) {
    case PYGEN_NEXT:
      step = Step::kYielded;
      step_result = PyRef::steal(result);
      return;
    case PYGEN_RETURN:
      step = Step::kReturned;
      step_result = PyRef::steal(result);
      return;
    case PYGEN_ERROR:
      step = Step::kRaised;
      step_result = PyRef::borrow(PyError::take().exception());
      return;
  }
}

void TaskRunner::forget() {
  step = Step::kTold;
  step_result.reset();
  awaited.reset();
  coroutine.reset();
  context.reset();
  name.reset();
}

PySendResult TaskRunner::send(PyObject* value, PyObject** result) {
  *result = nullptr;
  PyRef entered = context.clone();
  if (PyContext_Enter(entered.get()) < 0) return PYGEN_ERROR;
  PySendResult outcome = PyIter_Send(coroutine.get(), value, result);
  exit_context(entered.get());
  return outcome;
}

PySendResult TaskRunner::resume(TaskRunner* self, PyObject* value, PyObject** result) {
  PyRef alive = PyRef::borrow(reinterpret_cast<PyObject*>(self));
  self->awaited.reset();
  const PySendResult outcome = self->resume_coroutine(value, result);
  if (outcome == PYGEN_NEXT) self->awaited = PyRef::borrow(*result);
  return outcome;
}

PySendResult TaskRunner::resume_coroutine(PyObject* value, PyObject** result) {
  switch (std::exchange(step, Step::kTold)) {
    case Step::kTold:
      if (coroutine) return send(value, result);
      *result = Py_NewRef(Py_None);  // a spare task that was never used
      return PYGEN_RETURN;
    case Step::kYielded:
      *result = step_result.release();
      return PYGEN_NEXT;
    case Step::kReturned:
      *result = step_result.release();
      return PYGEN_RETURN;
    case Step::kRaised:
      return raise_instance(std::exchange(step_result, {}).get(), result);
  }
  Py_UNREACHABLE();
}

PySendResult TaskRunner::raise(TaskRunner* self, PyObject* exception, PyObject** result) {
  PyRef alive = PyRef::borrow(reinterpret_cast<PyObject*>(self));
  self->awaited.reset();
  const bool ignores = std::exchange(self->ignores_cancellation, false);
  const PySendResult outcome = ignores ? self->resume_coroutine(Py_None, result)
                                       : self->raise_in_coroutine(exception, result);
  if (outcome == PYGEN_NEXT) self->awaited = PyRef::borrow(*result);
  return outcome;
}

PySendResult TaskRunner::raise_in_coroutine(PyObject* exception, PyObject** result) {
  const Step told = std::exchange(step, Step::kTold);
  PyRef first = std::move(step_result);
  // Cancelled within a step by hand, before asyncio had what it awaits: as Task does, pass the
  // cancellation on to that.
  if (told == Step::kYielded && cancel(first.get(), exception)) {
    *result = first.release();
    return PYGEN_NEXT;
  }
  // It is over, and its own exception is not replaced: the task would not have thrown another.
  if (told == Step::kRaised) return raise_instance(first.get(), result);
  *result = nullptr;
  bool runs = coroutine && (told == Step::kTold || told == Step::kYielded);
  if (!runs) return raise_instance(exception, result);
  PyRef entered = context.clone();
  if (PyContext_Enter(entered.get()) < 0) return PYGEN_ERROR;
  *result = PyObject_CallMethodOneArg(coroutine.get(), interned.throw_, exception);
  exit_context(entered.get());
  if (*result != nullptr) return PYGEN_NEXT;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return PYGEN_ERROR;
  PyError stop = PyError::take();
  *result = PyObject_GetAttrString(stop.exception(), "value");
  return *result == nullptr ? PYGEN_ERROR : PYGEN_RETURN;
}

void TaskRunner::close(TaskRunner* self) {
  if (!self->coroutine) return;
  PyRef closed = PyRef::steal(PyObject_CallMethodNoArgs(self->coroutine.get(), interned.close));
}

// Zeros are what its members begin with.
TaskRunner* make_task_runner() { return runner_of(runner_type->tp_alloc(runner_type, 0)); }

TaskRunner* as_task_runner(PyObject* object) {
  return Py_IS_TYPE(object, runner_type) ? reinterpret_cast<TaskRunner*>(object) : nullptr;
}

bool add_task_runner_type() {
  using Slots = AwaitableSlots<TaskRunner>;
  static PyMethodDef methods[] = {Slots::send_def, Slots::throw_def, Slots::close_def, {}};
  static PyType_Slot slots[] = {{Py_tp_dealloc, slot(dealloc)},
                                {Py_tp_traverse, slot(traverse)},
                                {Py_tp_clear, slot(clear)},
                                {Py_tp_methods, methods},
                                {Py_tp_iter, slot(PyObject_SelfIter)},
                                {Py_tp_iternext, slot(Slots::iternext)},
                                {Py_am_await, slot(Slots::await)},
                                {Py_am_send, slot(Slots::send)},
                                {0, nullptr}};
  static PyType_Spec spec = {"tricorn._tricorn.TaskRunner", sizeof(TaskRunner), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                                 Py_TPFLAGS_DISALLOW_INSTANTIATION,
                             slots};
  runner_type = make_type(nullptr, &spec);
  return runner_type != nullptr;
}

}  // namespace tricorn
