// The Python objects around an AsgiExchange: the runner (which the task steps), and the callables
// the app gets.
#pragma once

#include <memory>

#include "worker/gateway/asgi_request.h"
#include "worker/gateway/asgi_websocket.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// RequestObject: owns the AsgiExchange and is the coroutine-like object that the request's task
// runs. Its first step calls the app; its end finishes the exchange, so no done-callback is needed.
struct RequestObject {
  PyObject_HEAD;
  AsgiRequest request;  // unless:
  std::unique_ptr<AsgiWebSocket> websocket;
  PyRef scope;      // until the app has ended
  PyRef coroutine;  // the app's, while it runs
  PyRef task;       // strong while it is suspended: asyncio keeps tasks weakly (P66)
  RequestObject* previous = nullptr;  // the gateway's list of requests in flight
  RequestObject* next = nullptr;
  bool linked = false;
  bool called = false;  // the app was

  AsgiExchange& exchange() { return websocket ? static_cast<AsgiExchange&>(*websocket) : request; }

  RequestSink* sink() { return websocket ? static_cast<RequestSink*>(websocket.get()) : &request; }

  // --- AwaitableSlots
  static PySendResult resume(RequestObject* self, PyObject* value, PyObject** result);
  static PySendResult raise(RequestObject* self, PyObject* exception, PyObject** result);
  static void close(RequestObject* self);

 private:
  bool call_app();
  PySendResult ended(PySendResult outcome, PyObject** result);
};

inline AsgiExchange& exchange_of(PyObject* object) {
  return reinterpret_cast<RequestObject*>(object)->exchange();
}

// A new object, or null with an error set.
RequestObject* make_request_object();
// The callables for the app; they keep `request` alive.
PyRef make_receive_callable(PyObject* request);
PyRef make_send_callable(PyObject* request);

bool add_request_types();

}  // namespace tricorn
