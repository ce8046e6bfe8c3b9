// Operation: see the header.
#include "worker/gateway/operation.h"

#include "worker/gateway/gateway.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

PyTypeObject* operation_type = nullptr;
PyObject* nothing_to_wait_for = nullptr;  // shared, never freed
ObjectPool<Operation> pool;

void dealloc(PyObject* self) {
  auto* operation = reinterpret_cast<Operation*>(self);
  if (operation->future) operation->target().remove_waiter(operation);
  pool.free(operation);
}

Operation* make(PyObject* request) {
  Operation* operation = pool.make(operation_type);
  if (operation != nullptr) operation->request = PyRef::borrow(request);
  return operation;
}

}  // namespace

PySendResult Operation::resume(Operation* self, PyObject*, PyObject** result) {
  *result = nullptr;
  if (!self->request) {
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
  }
  self->stop_waiting();
  AsgiExchange& exchange = self->target();
  PyRef value;
  switch (self->sends ? exchange.sent_enough() : exchange.receive(value)) {
    case AsgiExchange::Progress::kError:
      return PYGEN_ERROR;
    case AsgiExchange::Progress::kMustWait:
      return self->wait(result);
    case AsgiExchange::Progress::kDone:
      *result = value ? value.release() : Py_NewRef(Py_None);
      return PYGEN_RETURN;
  }
  Py_UNREACHABLE();
}

// Yields a Future the way `await future` does: marked as blocking, so that the task waits for it.
PySendResult Operation::wait(PyObject** result) {
  PyRef waited = target().gateway()->loop().future_to_await();
  if (!waited || PyObject_SetAttr(waited.get(), interned.asyncio_future_blocking, Py_True) < 0) {
    return PYGEN_ERROR;
  }
  future = waited.clone();
  target().add_waiter(this);
  *result = waited.release();
  return PYGEN_NEXT;
}

void Operation::stop_waiting() {
  if (!future) return;
  target().remove_waiter(this);
  future.reset();
}

PySendResult Operation::raise(Operation* self, PyObject* exception, PyObject** result) {
  close(self);
  return raise_instance(exception, result);
}

void Operation::close(Operation* self) {
  if (!self->future) return;
  self->stop_waiting();
  if (!self->sends) self->target().receive_given_up();
}

void Operation::wake() {
  PyRef waited = future.clone();
  PyRef is_done = PyRef::steal(PyObject_CallMethodNoArgs(waited.get(), interned.done));
  if (is_done && is_done.get() == Py_False) {
    PyRef none =
        PyRef::steal(PyObject_CallMethodOneArg(waited.get(), interned.set_result, Py_None));
  }
  if (PyErr_Occurred() != nullptr) PyError::take().unraisable(waited.get());
}

void Operation::wake_at_once() {
  PyRef alive = PyRef::borrow(reinterpret_cast<PyObject*>(this));
  PyRef waited = future.clone();
  PyRef task = reinterpret_cast<RequestObject*>(request.get())->task.clone();
  if (!task || !target().gateway()->loop().resume_task(task.get(), waited.get())) wake();
}

PyObject* receive_message(PyObject* request) { return reinterpret_cast<PyObject*>(make(request)); }

PyObject* send_message(PyObject* request, PyObject* message) {
  switch (exchange_of(request).send(message)) {
    case AsgiExchange::Progress::kDone:
      return Py_NewRef(nothing_to_wait_for);
    case AsgiExchange::Progress::kError:
      return nullptr;
    case AsgiExchange::Progress::kMustWait:
      break;
  }
  Operation* operation = make(request);
  if (operation != nullptr) operation->sends = true;
  return reinterpret_cast<PyObject*>(operation);
}

bool add_operation_type() {
  using Slots = AwaitableSlots<Operation>;
  static PyMethodDef methods[] = {Slots::send_def, Slots::throw_def, Slots::close_def, {}};
  static PyType_Slot slots[] = {{Py_tp_dealloc, slot(dealloc)},
                                {Py_tp_methods, methods},
                                {Py_tp_iter, slot(PyObject_SelfIter)},
                                {Py_tp_iternext, slot(Slots::iternext)},
                                {Py_am_await, slot(Slots::await)},
                                {Py_am_send, slot(Slots::send)},
                                {0, nullptr}};
  static PyType_Spec spec = {
      "tricorn._tricorn.Operation", sizeof(Operation), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  operation_type = make_type(nullptr, &spec);
  if (operation_type != nullptr) nothing_to_wait_for = reinterpret_cast<PyObject*>(make(nullptr));
  return nothing_to_wait_for != nullptr;
}

}  // namespace tricorn
