// The Python objects around an AsgiRequest: the runner (which the task steps), and the callables
// the app gets.
#pragma once

#include "worker/gateway/asgi_request.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// RequestObject: owns the AsgiRequest and is the coroutine-like object that the request's task
// runs. Its first step calls the app; its end finishes the exchange, so no done-callback is needed.
struct RequestObject {
  PyObject_HEAD;
  AsgiRequest request;
  PyRef scope;      // until the app has ended
  PyRef coroutine;  // the app's, while it runs
  PyRef task;       // strong while it is suspended: asyncio keeps tasks weakly (P66)
  RequestObject* previous = nullptr;  // the gateway's list of requests in flight
  RequestObject* next = nullptr;
  bool linked = false;
  bool called = false;  // the app was

  // --- AwaitableSlots
  static PySendResult resume(RequestObject* self, PyObject* value, PyObject** result);
  static PySendResult raise(RequestObject* self, PyObject* exception, PyObject** result);
  static void close(RequestObject* self);

 private:
  bool call_app();
  PySendResult ended(PySendResult outcome, PyObject** result);
};

inline AsgiRequest& request_of(PyObject* object) {
  return reinterpret_cast<RequestObject*>(object)->request;
}

// A new object, or null with an error set.
RequestObject* make_request_object();
// The callables for the app; they keep `request` alive.
PyRef make_receive_callable(PyObject* request);
PyRef make_send_callable(PyObject* request);

bool add_request_types();

}  // namespace tricorn
