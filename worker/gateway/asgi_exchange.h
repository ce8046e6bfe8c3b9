// AsgiExchange: a request or a WebSocket in the app's hands, as the objects around it see it: the
// runner of the app's task, and the awaitables of its `receive` and `send`.
//
// Lives in its RequestObject. The exchange with the session ends earlier or later than the app's
// coroutine (P40, P48). GIL held in every call.
#pragma once

#include <string>

#include "worker/python/py_ref.h"

namespace tricorn {

class Gateway;
struct Operation;

class AsgiExchange {
 public:
  enum class Progress { kDone, kMustWait, kError };

  AsgiExchange(const AsgiExchange&) = delete;
  virtual ~AsgiExchange() = default;

  // --- What an awaited receive() does now: the next message, or kMustWait. kError: a Python error
  // is set.
  virtual Progress receive(PyRef& message) = 0;
  // What send(message) does when it is called: takes the message. kMustWait: the client is slow
  // (P45).
  virtual Progress send(PyObject* message) = 0;
  // Whether a sender that had to wait may go on.
  virtual Progress sent_enough() = 0;
  // A receive() that waited was cancelled.
  virtual void receive_given_up() {}

  // Operations that wait; woken by the session's events. The list does not own them.
  void add_waiter(Operation* operation);
  void remove_waiter(Operation* operation);

  // --- The app's end
  // `scope`: the app's, for the log; may be null.
  // It returned: what it has left open is closed, or an error (P37, P39, P73).
  virtual void finish_returned(PyObject* scope) = 0;
  // It raised. False: the exception is to leave the task too (cancellation, SystemExit,
  // KeyboardInterrupt).
  virtual bool finish_raised(PyObject* exception, PyObject* scope) = 0;

  Gateway* gateway() const { return gateway_; }
  std::string label() const;  // "GET /path", for logs; printable ASCII

 protected:
  AsgiExchange() = default;
  // What was asked for; `method`: what the log calls it.
  void open(Gateway* gateway, PyRef method, PyRef path);

  bool has_waiters() const { return waiters_ != nullptr; }
  void wake_all();
  // For a message: the same, but at once if a single one waits. The app may run, and may end.
  void wake_receiver();
  // Sets the error that send() raises once the client is gone (P43, P76).
  void raise_disconnected();
  void report(const char* what, PyObject* scope);
  // The same for an exception of the app. Returns what finish_raised does.
  bool report_raised(PyObject* exception, PyObject* scope, const char* what);

  bool knows_of_disconnect_ = false;  // receive() or send() told the app

 private:
  Gateway* gateway_ = nullptr;
  Operation* waiters_ = nullptr;
  PyRef method_;
  PyRef path_;
};

// Errors of the app, set as RuntimeError.
AsgiExchange::Progress raise_runtime_error(const char* format, PyObject* argument);
AsgiExchange::Progress raise_refusal(const std::string& reason);

}  // namespace tricorn
