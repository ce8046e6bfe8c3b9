// AsgiWebSocket: one WebSocket in the app's hands: the state behind its `receive` and `send`.
//
//   Session ──RequestSink, then WebSocketSink──▶ AsgiWebSocket ◀──operations── receive(), send()
//   Session ◀─ResponseWriter, then WebSocketWriter─ AsgiWebSocket ◀──finish──── RequestRunner
//
// It begins as a request that the app may deny (P71, P72), and is open once the app has accepted
// it. An app that ends leaves the closing handshake to the session; this object stays until that is
// over. GIL held in every call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/gateway/asgi_exchange.h"
#include "worker/protocol/exchange.h"
#include "worker/protocol/websocket.h"

namespace tricorn {

class AsgiWebSocket final : public AsgiExchange, public RequestSink, public WebSocketSink {
 public:
  // `owner`: the RequestObject that this lives in.
  AsgiWebSocket(PyObject* owner, Gateway* gateway, ResponseWriter* writer, PyRef path);

  // --- RequestSink, until it is accepted
  void on_body(std::string_view, bool) override {}
  void on_input_end() override {}
  void on_disconnect() override;
  // --- WebSocketSink, and RequestSink
  void on_message(const ReceivedMessage& message) override;
  void on_close(uint16_t code, std::string_view reason) override;
  void on_writable() override { wake_all(); }

  // --- AsgiExchange
  Progress receive(PyRef& message) override;
  Progress send(PyObject* message) override;
  Progress sent_enough() override;
  void finish_returned(PyObject* scope) override;
  bool finish_raised(PyObject* exception, PyObject* scope) override;

 private:
  enum class State : uint8_t {
    kConnecting,  // the app has to accept or deny
    kDenying,     // it has begun a response of its own
    kOpen,
    kClosing,  // the app has closed it; the client is to answer
    kOver,
  };
  struct Received {
    PyRef data;  // str or bytes
    size_t bytes = 0;
  };

  Progress accept(PyObject* message);
  Progress refuse();
  Progress start_denial(PyObject* message);
  Progress deny(PyObject* message);
  Progress send_data(PyObject* message);
  Progress close(PyObject* message);
  PyRef next_message();
  void forget_received();
  void end(uint16_t code);
  void over(uint16_t code, std::string_view reason);

  PyObject* const owner_;
  PyRef kept_;                         // the owner, when the app has ended before the session
  ResponseWriter* writer_;             // until it is accepted
  WebSocketWriter* socket_ = nullptr;  // from then on, until on_close
  State state_ = State::kConnecting;
  bool connect_delivered_ = false;
  bool ended_by_app_ = false;
  uint16_t close_code_ = close_code::kAbnormal;
  std::string close_reason_;
  std::vector<Received> received_;  // from `next_` on not yet the app's
  size_t next_ = 0;
};

}  // namespace tricorn
