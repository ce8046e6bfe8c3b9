// Operation: what `receive()` and `send(message)` return: an awaitable that completes at its first
// step, without a Future and without suspending, unless it must wait.
//
// send() acts when it is called: what it returns is awaited only for the client's pace, and is one
// shared object if there is nothing to wait for. receive() acts when it is awaited: a message must
// not be lost with an awaitable that was cancelled before.
#pragma once

#include "worker/gateway/request_objects.h"
#include "worker/python/awaitable.h"

namespace tricorn {

struct Operation {
  PyObject_HEAD;
  PyRef request;  // a RequestObject; null: there is nothing to wait for
  PyRef future;   // while it waits
  Operation* next_waiter = nullptr;
  bool sends = false;  // waits until enough was sent; else receives

  AsgiExchange& target() const { return exchange_of(request.get()); }

  // --- AwaitableSlots
  static PySendResult resume(Operation* self, PyObject* value, PyObject** result);
  static PySendResult raise(Operation* self, PyObject* exception, PyObject** result);
  static void close(Operation* self);

  // Lets the waiting task go on at the loop's next turn.
  void wake();
  // Lets it go on now, if it can: when it is the request's own. Only where the app may run.
  void wake_at_once();

 private:
  PySendResult wait(PyObject** result);
  void stop_waiting();
};

// An awaitable (a new reference) on `request` (a RequestObject, borrowed); null with an error set.
PyObject* receive_message(PyObject* request);
PyObject* send_message(PyObject* request, PyObject* message);

bool add_operation_type();

}  // namespace tricorn
