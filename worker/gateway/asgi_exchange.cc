// AsgiExchange: who waits, and what the log says of a failure.
#include "worker/gateway/asgi_exchange.h"

#include <utility>

#include "common/logging.h"
#include "worker/gateway/failure_report.h"
#include "worker/gateway/gateway.h"
#include "worker/gateway/operation.h"
#include "worker/gateway/request_target.h"
#include "worker/python/py_error.h"
#include "worker/python/utf8.h"

namespace tricorn {
namespace {

PyObject* cancelled_error() {
  static PyObject* type = [] {
    PyRef module = PyRef::steal(PyImport_ImportModule("asyncio.exceptions"));
    return module ? PyObject_GetAttrString(module.get(), "CancelledError") : nullptr;
  }();
  return type;
}

}  // namespace

void AsgiExchange::open(Gateway* gateway, PyRef method, PyRef path) {
  gateway_ = gateway;
  method_ = std::move(method);
  path_ = std::move(path);
}

void AsgiExchange::add_waiter(Operation* operation) {
  operation->next_waiter = waiters_;
  waiters_ = operation;
}

void AsgiExchange::remove_waiter(Operation* operation) {
  for (Operation** link = &waiters_; *link != nullptr; link = &(*link)->next_waiter) {
    if (*link == operation) {
      *link = operation->next_waiter;
      return;
    }
  }
}

// Taken off the list one by one: setting a Future's result only queues its callbacks, but any
// allocation may run finalizers, which may destroy waiters.
void AsgiExchange::wake_all() {
  while (Operation* waiter = waiters_) {
    waiters_ = waiter->next_waiter;
    waiter->wake();
  }
}

void AsgiExchange::wake_receiver() {
  if (waiters_ == nullptr || waiters_->next_waiter != nullptr) return wake_all();
  if (!waiters_->sends) std::exchange(waiters_, nullptr)->wake_at_once();
}

void AsgiExchange::raise_disconnected() {
  knows_of_disconnect_ = true;
  PyErr_SetString(client_disconnected_type, "the client has disconnected");
}

void AsgiExchange::report(const char* what, PyObject* scope) {
  report_failure(LogLevel::kError, {method_.get(), path_.get(), scope}, what, nullptr);
}

// A cancellation that we did not ask for is the app's own mistake (P65); other exceptions that are
// no Exception are the loop's and the interpreter's.
bool AsgiExchange::report_raised(PyObject* exception, PyObject* scope, const char* what) {
  const bool cancelled = PyErr_GivenExceptionMatches(exception, cancelled_error()) != 0;
  const bool leaves = cancelled ? gateway_->cancelling()
                                : PyErr_GivenExceptionMatches(exception, PyExc_Exception) == 0;
  if (leaves) return false;
  if (knows_of_disconnect_) {  // frameworks give up on a client by raising: no error (P43)
    log_info("{}: the client disconnected ({})", label(),
             PyError::of(exception).to_error().message);
  } else {
    report_failure(LogLevel::kError, {method_.get(), path_.get(), scope}, what, exception);
  }
  return true;
}

std::string AsgiExchange::label() const {
  return utf8_of(method_.get()) + " " + percent_encode(utf8_of(path_.get()));
}

AsgiExchange::Progress raise_runtime_error(const char* format, PyObject* argument) {
  PyErr_Format(PyExc_RuntimeError, format, argument);
  return AsgiExchange::Progress::kError;
}

AsgiExchange::Progress raise_refusal(const std::string& reason) {
  PyErr_SetString(PyExc_RuntimeError, reason.c_str());
  return AsgiExchange::Progress::kError;
}

}  // namespace tricorn
