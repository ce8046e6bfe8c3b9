// AsgiRequest: one request in the app's hands: the state behind its `receive` and `send`, and the
// runner of its task.
//
//   Session ──RequestSink──▶ AsgiRequest ◀──operations── receive(), send() awaited by the app
//   Session ◀─ResponseWriter── AsgiRequest ◀──finish────── RequestRunner, the task's coroutine
//
// Lives as long as anything refers to its Python object: the runner's task, the app's `receive` and
// `send`. `writer_` is null once the exchange with the session is over.
#pragma once

#include <string>
#include <string_view>

#include "worker/gateway/asgi_exchange.h"
#include "worker/protocol/exchange.h"

namespace tricorn {

class MessageFields;

class AsgiRequest final : public AsgiExchange, public RequestSink {
 public:
  // Before the first step. `body` is copied.
  bool open(Gateway* gateway, ResponseWriter* writer, PyRef method, PyRef path,
            std::string_view body, bool body_complete);

  // --- RequestSink
  void on_body(std::string_view bytes, bool complete) override;
  void on_input_end() override;
  void on_writable() override;
  void on_disconnect() override;

  // --- AsgiExchange
  Progress receive(PyRef& message) override;
  Progress send(PyObject* message) override;
  Progress sent_enough() override;
  void receive_given_up() override;
  void finish_returned(PyObject* scope) override;
  bool finish_raised(PyObject* exception, PyObject* scope) override;

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

  ResponseWriter* writer_ = nullptr;
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
};

}  // namespace tricorn
