// The Python objects around an AsgiExchange: see the header.
#include "worker/gateway/request_objects.h"

#include <array>
#include <optional>

#include "worker/gateway/gateway.h"
#include "worker/gateway/operation.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

// `receive` and `send`: callables bound to a request, without a bound-method object.
struct Callable {
  PyObject_HEAD;
  vectorcallfunc vectorcall = nullptr;
  PyRef request;
};

PyTypeObject* request_type = nullptr;
PyTypeObject* receive_type = nullptr;
PyTypeObject* send_type = nullptr;
ObjectPool<RequestObject> request_pool;
ObjectPool<Callable> callable_pool;

PyObject* call_receive(PyObject* self, PyObject* const*, size_t count, PyObject* keywords) {
  if (PyVectorcall_NARGS(count) != 0 || keywords != nullptr) {
    PyErr_SetString(PyExc_TypeError, "receive() takes no arguments");
    return nullptr;
  }
  return receive_message(reinterpret_cast<Callable*>(self)->request.get());
}

PyObject* call_send(PyObject* self, PyObject* const* args, size_t count, PyObject* keywords) {
  bool by_keyword = keywords != nullptr && PyTuple_GET_SIZE(keywords) == 1 &&
                    PyUnicode_Compare(PyTuple_GET_ITEM(keywords, 0), interned.message) == 0;
  if (PyVectorcall_NARGS(count) + (by_keyword ? 1 : 0) != 1 ||
      (keywords != nullptr && PyTuple_GET_SIZE(keywords) > 0 && !by_keyword)) {
    PyErr_SetString(PyExc_TypeError, "send() takes one argument, the message");
    return nullptr;
  }
  return send_message(reinterpret_cast<Callable*>(self)->request.get(), args[0]);
}

PyRef make_callable(PyTypeObject* type, vectorcallfunc call, PyObject* request) {
  Callable* callable = callable_pool.make(type);
  if (callable == nullptr) return {};
  callable->vectorcall = call;
  callable->request = PyRef::borrow(request);
  return PyRef::steal(reinterpret_cast<PyObject*>(callable));
}

void dealloc_callable(PyObject* self) { callable_pool.free(reinterpret_cast<Callable*>(self)); }

void dealloc_request(PyObject* self) { request_pool.free(reinterpret_cast<RequestObject*>(self)); }

// What `await` would drive: a coroutine itself, or what an awaitable's __await__ returns.
PyRef awaitable_of(PyRef returned) {
  if (PyCoro_CheckExact(returned.get())) return returned;
  PyAsyncMethods* async = Py_TYPE(returned.get())->tp_as_async;
  if (async == nullptr || async->am_await == nullptr) {
    PyErr_Format(PyExc_TypeError,
                 "the ASGI app returned %.100s, which cannot be awaited; is it an ASGI 3 app, "
                 "async def app(scope, receive, send)?",
                 Py_TYPE(returned.get())->tp_name);
    return {};
  }
  return PyRef::steal(async->am_await(returned.get()));
}

// A coroutine's own attributes, shown by asyncio and debuggers through ours (cr_frame, cr_code,
// __qualname__, ...).
PyObject* getattr(PyObject* self, PyObject* name) {
  PyObject* own = PyObject_GenericGetAttr(self, name);
  if (own != nullptr || !PyErr_ExceptionMatches(PyExc_AttributeError)) return own;
  auto* request = reinterpret_cast<RequestObject*>(self);
  if (!request->coroutine) return nullptr;
  PyErr_Clear();
  return PyObject_GetAttr(request->coroutine.get(), name);
}

}  // namespace

bool RequestObject::call_app() {
  PyObject* self = reinterpret_cast<PyObject*>(this);
  PyRef receive = make_receive_callable(self);
  PyRef send = make_send_callable(self);
  if (!receive || !send) return false;
  called = true;
  std::array<PyObject*, 4> args = {nullptr, scope.get(), receive.get(), send.get()};
  PyRef returned = PyRef::steal(PyObject_Vectorcall(exchange().gateway()->app(), args.data() + 1,
                                                    3 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  if (returned) coroutine = awaitable_of(std::move(returned));
  return static_cast<bool>(coroutine);
}

PySendResult RequestObject::resume(RequestObject* self, PyObject* value, PyObject** result) {
  *result = nullptr;
  PyRef alive = PyRef::borrow(reinterpret_cast<PyObject*>(self));
  if (!self->called && !self->call_app()) return self->ended(PYGEN_ERROR, result);
  if (!self->coroutine) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited request");
    return PYGEN_ERROR;
  }
  PyRef running = self->coroutine.clone();  // whatever it does to its task's coroutine: this
  PySendResult outcome = PyIter_Send(running.get(), value, result);
  return outcome == PYGEN_NEXT ? outcome : self->ended(outcome, result);
}

PySendResult RequestObject::raise(RequestObject* self, PyObject* exception, PyObject** result) {
  *result = nullptr;
  PyRef alive = PyRef::borrow(reinterpret_cast<PyObject*>(self));
  if (!self->coroutine) {  // cancelled before its first step
    raise_instance(exception, result);
    return self->ended(PYGEN_ERROR, result);
  }
  PyRef running = self->coroutine.clone();
  *result = PyObject_CallMethodOneArg(running.get(), interned.throw_, exception);
  if (*result != nullptr) return PYGEN_NEXT;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return self->ended(PYGEN_ERROR, result);
  PyErr_Clear();  // it caught the exception and returned
  return self->ended(PYGEN_RETURN, result);
}

void RequestObject::close(RequestObject* self) {
  if (!self->coroutine) return;
  PyRef running = self->coroutine.clone();
  PyRef closed = PyRef::steal(PyObject_CallMethodNoArgs(running.get(), interned.close));
}

// The app's coroutine is over: the exchange ends with it, and the task returns None unless the
// exception is asyncio's or the interpreter's business.
PySendResult RequestObject::ended(PySendResult outcome, PyObject** result) {
  std::optional<PyError> leaving;
  if (outcome == PYGEN_RETURN) {
    Py_CLEAR(*result);
    exchange().finish_returned(scope.get());
  } else {
    PyError error = PyError::take();
    if (!exchange().finish_raised(error.exception(), scope.get())) leaving = std::move(error);
  }
  coroutine.reset();  // first: its frame refers to the scope
  Gateway* const gateway = exchange().gateway();
  if (!websocket) gateway->retire_scope(std::move(scope));
  scope.reset();
  gateway->unlink(this);
  if (leaving) {  // only now: what ran in between must not find an exception set
    std::move(*leaving).restore();
    return PYGEN_ERROR;
  }
  *result = Py_NewRef(Py_None);
  return PYGEN_RETURN;
}

RequestObject* make_request_object() { return request_pool.make(request_type); }

PyRef make_receive_callable(PyObject* request) {
  return make_callable(receive_type, call_receive, request);
}

PyRef make_send_callable(PyObject* request) { return make_callable(send_type, call_send, request); }

namespace {

constexpr unsigned long kFlags =
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION;

PyTypeObject* make_callable_type(const char* name) {
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(Callable, vectorcall), Py_READONLY, nullptr},
      {}};
  static PyType_Slot slots[] = {{Py_tp_dealloc, slot(dealloc_callable)},
                                {Py_tp_call, slot(PyVectorcall_Call)},
                                {Py_tp_members, members},
                                {0, nullptr}};
  PyType_Spec spec = {name, sizeof(Callable), 0, kFlags | Py_TPFLAGS_HAVE_VECTORCALL, slots};
  return make_type(nullptr, &spec);
}

}  // namespace

bool add_request_types() {
  using Slots = AwaitableSlots<RequestObject>;
  static PyMethodDef methods[] = {Slots::send_def, Slots::throw_def, Slots::close_def, {}};
  static PyType_Slot slots[] = {
      {Py_tp_dealloc, slot(dealloc_request)},  {Py_tp_methods, methods},
      {Py_tp_getattro, slot(getattr)},         {Py_tp_iter, slot(PyObject_SelfIter)},
      {Py_tp_iternext, slot(Slots::iternext)}, {Py_am_await, slot(Slots::await)},
      {Py_am_send, slot(Slots::send)},         {0, nullptr}};
  static PyType_Spec spec = {"tricorn._tricorn.Request", sizeof(RequestObject), 0, kFlags, slots};
  request_type = make_type(nullptr, &spec);
  receive_type = make_callable_type("tricorn._tricorn.Receive");
  send_type = make_callable_type("tricorn._tricorn.Send");
  return request_type != nullptr && receive_type != nullptr && send_type != nullptr;
}

}  // namespace tricorn
