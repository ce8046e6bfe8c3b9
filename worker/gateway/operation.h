// Operation: what `receive()` and `send(message)` return: an awaitable that acts at its first step
// and, if it need not wait, completes there, without a Future and without suspending.
#pragma once

#include "worker/gateway/request_objects.h"
#include "worker/python/awaitable.h"

namespace tricorn {

struct Operation {
  PyObject_HEAD;
  PyRef request;  // a RequestObject
  PyRef message;  // send's argument; null for receive
  PyRef future;   // while it waits
  Operation* next_waiter = nullptr;
  bool taken = false;  // send: the message was handed over; what is left is to wait

  AsgiRequest& target() const { return request_of(request.get()); }

  // --- AwaitableSlots
  static PySendResult resume(Operation* self, PyObject* value, PyObject** result);
  static PySendResult raise(Operation* self, PyObject* exception, PyObject** result);
  static void close(Operation* self);

  // Lets the waiting task go on at the loop's next turn.
  void wake();

 private:
  PySendResult wait(PyObject** result);
  void stop_waiting();
};

// A new operation on `request` (a RequestObject, borrowed); null with an error set.
PyObject* make_receive(PyObject* request);
PyObject* make_send(PyObject* request, PyObject* message);

bool add_operation_type();

}  // namespace tricorn
