// AsgiRequest: one request in the app's hands: the state behind its `receive` and `send`, and the
// runner of its task.
//
//   Session ──RequestSink──▶ AsgiRequest ◀──operations── receive(), send() awaited by the app
//   Session ◀─ResponseWriter── AsgiRequest ◀──finish────── RequestRunner, the task's coroutine
//
// Lives as long as anything refers to its Python object: the runner's task, the app's `receive` and
// `send`. The exchange with the session ends earlier or later than the app's coroutine: `writer_`
// is null from then on (P40, P48). GIL held in every call.
#pragma once

#include <string>
#include <string_view>

#include "worker/protocol/exchange.h"
#include "worker/python/awaitable.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class Gateway;
class MessageFields;
struct Operation;

class AsgiRequest final : public RequestSink {
 public:
  enum class Progress { kDone, kMustWait, kError };

  AsgiRequest() = default;
  AsgiRequest(const AsgiRequest&) = delete;
  ~AsgiRequest() = default;

  // Before the first step. `body` is copied.
  bool open(Gateway* gateway, ResponseWriter* writer, PyRef method, PyRef path,
            std::string_view body, bool body_complete);

  // --- RequestSink
  void on_body(std::string_view bytes, bool complete) override;
  void on_input_end() override;
  void on_writable() override;
  void on_disconnect() override;

  // --- What an awaited receive() does now: the next message, or kMustWait. kError: a Python error
  // is set.
  Progress receive(PyRef& message);
  // What send(message) does when it is first awaited: takes the message. kMustWait: the client is
  // slow (P45).
  Progress send(PyObject* message);
  // Whether a sender that had to wait may go on.
  Progress sent_enough();

  // Operations that wait; woken by the sink's events. The list does not own them.
  void add_waiter(Operation* operation);
  void remove_waiter(Operation* operation);
  // A receive() that waited was cancelled.
  void receive_given_up();

  // --- The app's end
  // `scope`: the app's, for the log; may be null.
  // It returned: a missing or unfinished response is an error (P37, P39).
  void finish_returned(PyObject* scope);
  // It raised. False: the exception is to leave the task too (cancellation, SystemExit,
  // KeyboardInterrupt).
  bool finish_raised(PyObject* exception, PyObject* scope);

  Gateway* gateway() const { return gateway_; }
  bool exchange_open() const { return writer_ != nullptr; }
  std::string label() const;  // "GET /path", for logs; printable ASCII

 private:
  // --- What send() does, by the message's type; in asgi_response.cc
  Progress start(const MessageFields& fields);
  Progress body(const MessageFields& fields);
  Progress early_hint(PyObject* message, const MessageFields& fields);
  Progress pathsend(PyObject* message, const MessageFields& fields);
  Progress zerocopysend(PyObject* message, const MessageFields& fields);
  Progress trailers(PyObject* message, const MessageFields& fields);
  bool may_send(PyObject* type);
  bool may_start();
  bool may_send_body(PyObject* type);
  Progress write(PyObject* type, Chunk chunk, bool more);
  Progress write(PyObject* type, FileSlice file, bool more);
  Progress written(const Result<>& result, bool more);
  ResponseWriter* complete();
  PyRef body_message();
  bool raise_if_disconnected();
  void end_badly();
  void wake_all();

  Gateway* gateway_ = nullptr;
  ResponseWriter* writer_ = nullptr;
  Operation* waiters_ = nullptr;
  PyRef method_;
  PyRef path_;
  PyRef first_body_;       // bytes that came with the head: handed to the app as they are
  std::string more_body_;  // what came later and was not received yet
  bool body_complete_ = false;
  bool body_delivered_ = false;  // a message with more_body False went out
  bool started_ = false;
  bool trailers_ = false;  // announced: the body's end does not complete the response
  bool body_begun_ = false;
  bool body_ended_ = false;
  bool completed_ = false;
  bool cut_off_ = false;      // by a wrong last message: completed_, but not well
  bool input_ended_ = false;  // the client half-closed: it may still read the response (P24)
  bool disconnected_ = false;
  bool knows_of_disconnect_ = false;  // receive() or send() told the app
};

}  // namespace tricorn
