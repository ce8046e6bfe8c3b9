// ExecutorCall: see the header.
#include "worker/asyncio/executor_call.h"

#include <array>
#include <utility>

#include "worker/asyncio/callbacks.h"
#include "worker/loop/event_loop.h"
#include "worker/loop/loop_object.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"
#include "worker/python/tracked_pool.h"

namespace tricorn {
namespace {

enum class Outcome { kNone, kResult, kException, kCancelled };

// Written by the pool's thread up to the call into the loop, read by the loop's thread from then
// on; the GIL is held.
struct Call {
  PyRef loop;
  PyRef function;
  PyRef arguments;  // a tuple
  PyRef future;     // of the loop
  PyRef submitted;  // the pool's; only for the loop's thread
  PyRef value;      // the result or the exception
  Outcome outcome = Outcome::kNone;
  bool begun = false;

  // All but the loop.
  std::array<PyRef*, 5> references() {
    return {&function, &arguments, &future, &submitted, &value};
  }
};

struct ExecutorCall {
  using Body = Call;
  PyObject_HEAD;
  Body body;
};

PyTypeObject* call_type = nullptr;
TrackedPool<ExecutorCall, 64> pool;
PyRef& convert_exception = *new PyRef;  // asyncio's: of concurrent.futures to those of asyncio

Call& of(PyObject* self) { return reinterpret_cast<ExecutorCall*>(self)->body; }

bool is_true(PyRef answer) {
  if (!answer) PyErr_Clear();
  return answer.get() == Py_True;
}

bool is_cancelled(PyObject* future) {
  return is_true(PyRef::steal(PyObject_CallMethodNoArgs(future, interned.cancelled)));
}

// Null with an error set.
PyRef complete(Call& call) {
  PyObject* future = call.future.get();
  if (call.outcome == Outcome::kCancelled) {
    return PyRef::steal(PyObject_CallMethodNoArgs(future, interned.cancel));
  }
  if (call.outcome == Outcome::kResult) {
    return PyRef::steal(PyObject_CallMethodOneArg(future, interned.set_result, call.value.get()));
  }
  PyRef exception = PyRef::steal(PyObject_CallOneArg(convert_exception.get(), call.value.get()));
  if (!exception) return {};
  return PyRef::steal(PyObject_CallMethodOneArg(future, interned.set_exception, exception.get()));
}

// In the loop.
void settle(PyObject* self) noexcept {
  Call& call = of(self);
  if (call.future && !is_done(call.future.get()) && !complete(call)) {
    event_loop_of(call.loop.get()).report_from_io(PyError::take(), "Error in an executor's future");
  }
  call.future.reset();
  call.submitted.reset();
  call.value.reset();
}

void settle_soon(PyObject* self, Outcome outcome, PyRef value) {
  Call& call = of(self);
  EventLoop& loop = event_loop_of(call.loop.get());
  if (loop.closed()) return;  // nobody can wait any more
  call.outcome = outcome;
  call.value = std::move(value);
  if (!loop.call_soon_native(settle, self, nullptr)) {
    PyError::take().unraisable(self);
    return;
  }
  loop.wake();
}

// In a thread of the pool. The exception is the Future's.
PyObject* run(PyObject* self, PyObject*, PyObject*) {
  Call& call = of(self);
  call.begun = true;
  PyRef function = std::move(call.function);
  PyRef arguments = std::move(call.arguments);
  if (function) {
    PyRef result = PyRef::steal(PyObject_Call(function.get(), arguments.get(), nullptr));
    if (result) {
      settle_soon(self, Outcome::kResult, std::move(result));
    } else {
      PyError error = PyError::take();
      settle_soon(self, Outcome::kException, PyRef::borrow(error.exception()));
    }
  }
  Py_RETURN_NONE;
}

// The pool's future is done; in whichever thread.
PyObject* on_submitted_done(PyObject* self, PyObject* submitted) {
  Call& call = of(self);
  if (call.begun || !call.future || is_done(call.future.get())) Py_RETURN_NONE;
  if (is_cancelled(submitted)) {
    settle_soon(self, Outcome::kCancelled, {});
    Py_RETURN_NONE;
  }
  PyRef exception = PyRef::steal(PyObject_CallMethodNoArgs(submitted, interned.exception));
  if (!exception) return nullptr;
  if (exception.get() != Py_None) {
    settle_soon(self, Outcome::kException, std::move(exception));
    Py_RETURN_NONE;
  }
  PyRef result = PyRef::steal(PyObject_CallMethodNoArgs(submitted, interned.result));
  if (!result) return nullptr;
  settle_soon(self, Outcome::kResult, std::move(result));
  Py_RETURN_NONE;
}

// The loop's future is done; in the loop.
PyObject* on_future_done(PyObject* self, PyObject* future) {
  Call& call = of(self);
  if (!call.submitted || !is_cancelled(future)) Py_RETURN_NONE;
  PyRef submitted = std::move(call.submitted);
  return PyObject_CallMethodNoArgs(submitted.get(), interned.cancel);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (int stop = of(self).loop.traverse(visit, arg)) return stop;
  for (const PyRef* reference : of(self).references()) {
    if (int stop = reference->traverse(visit, arg)) return stop;
  }
  return 0;
}

int clear(PyObject* self) {
  for (PyRef* reference : of(self).references()) reference->reset();
  return 0;
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  pool.free(reinterpret_cast<ExecutorCall*>(self));
}

bool add_done_callback(PyObject* future, PyObject* self, const char* method_name) {
  PyRef callback = PyRef::steal(PyObject_GetAttrString(self, method_name));
  return callback && PyRef::steal(PyObject_CallMethodOneArg(future, interned.add_done_callback,
                                                            callback.get()));
}

// (submit, function, arguments): submit() of a pool of threads. The loop's future.
PyObject* call_in_executor(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  if (count != 3 || !PyTuple_Check(values[2])) {
    PyErr_SetString(PyExc_TypeError, "submit, a function and a tuple are needed");
    return nullptr;
  }
  PyRef future = event_loop_of(self).create_future();
  PyRef object = PyRef::steal(future ? reinterpret_cast<PyObject*>(pool.make(call_type)) : nullptr);
  if (!object) return nullptr;
  Call& call = of(object.get());
  call.loop = PyRef::borrow(self);
  call.function = PyRef::borrow(values[1]);
  call.arguments = PyRef::borrow(values[2]);
  call.future = future.clone();
  PyObject_GC_Track(object.get());
  PyRef submitted = PyRef::steal(PyObject_CallOneArg(values[0], object.get()));
  if (!submitted) return nullptr;
  call.submitted = submitted.clone();
  if (!add_done_callback(future.get(), object.get(), "on_future_done") ||
      !add_done_callback(submitted.get(), object.get(), "on_submitted_done")) {
    return nullptr;
  }
  return future.release();
}

PyMethodDef call_methods[] = {{"on_submitted_done", on_submitted_done, METH_O, nullptr},
                              {"on_future_done", on_future_done, METH_O, nullptr},
                              {}};
PyType_Slot slots[] = {{Py_tp_call, slot(run)},          {Py_tp_dealloc, slot(dealloc)},
                       {Py_tp_traverse, slot(traverse)}, {Py_tp_clear, slot(clear)},
                       {Py_tp_methods, call_methods},    {}};
PyType_Spec spec = {"tricorn._tricorn.ExecutorCall", sizeof(ExecutorCall), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
                        Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

}  // namespace

bool load_executor_call() {
  PyRef futures = PyRef::steal(PyImport_ImportModule("asyncio.futures"));
  convert_exception = PyRef::steal(
      futures ? PyObject_GetAttrString(futures.get(), "_convert_future_exc") : nullptr);
  if (!convert_exception) return false;
  call_type = make_type(nullptr, &spec);
  return call_type != nullptr;
}

PyMethodDef executor_methods[] = {{"_call_in_executor", method(call_in_executor), METH_FASTCALL,
                                   "_call_in_executor(submit, function, arguments)\n\n"
                                   "A future of the function's result."},
                                  {}};

}  // namespace tricorn
