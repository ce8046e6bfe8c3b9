// Http1SessionImpl: the state machine behind http1_session.h. Private to this folder.
//
//   http1_session.cc    bytes in: parse, dispatch, hold back, end of input, timeouts
//   http1_exchange.cc   the app's side: the response, and every way in which an exchange ends
//   http1_websocket.cc  the exchange that becomes a WebSocket, to which all else is left then
//
// Requests are served one at a time. While one is open and complete, further bytes wait in `held_`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/protocol/http1_parser.h"
#include "worker/protocol/http1_response.h"
#include "worker/protocol/http1_session.h"
#include "worker/protocol/websocket_handshake.h"
#include "worker/protocol/websocket_session.h"

namespace tricorn {

class Http1SessionImpl final : public Session, private ResponseWriter {
 public:
  Http1SessionImpl(const Http1Context& context, RequestHandler& handler, SessionWaker& waker,
                   ExchangeObserver* observer, const ForwardedRules* forwarded);

  void on_input(std::string_view bytes) override;
  void on_input_end() override;
  void on_disconnect() override;
  void on_output_sent() override;
  void on_timeout() override;
  void resume() override;
  void begin_drain(bool close_idle) override;
  void report_unfinished() override;
  SessionPhase phase() const override;
  bool client_is_done() const override;
  bool wants_input() const override;
  bool output_ready() const override { return output_.size() > response_.open_head_bytes(); }
  OutputQueue& output() override { return output_; }

 private:
  enum class End : uint8_t { kOpen, kClosing, kAborted };
  class Turn;  // a call into the session: the connection asks for what has changed when it returns

  // ResponseWriter
  Result<> inform(int status, std::span<const Header> headers) override;
  Result<> start(int status, std::span<const Header> headers, bool trailers) override;
  Result<> body(Chunk chunk, bool more) override;
  Result<> file(FileSlice file, bool more) override;
  std::optional<uint64_t> body_room() const override { return response_.room(); }
  Result<> trailers(std::span<const Header> headers, bool more) override;
  bool withdraw() override;
  bool congested() const override;
  void body_consumed(size_t bytes) override;
  void body_wanted() override;
  void body_unwanted() override;
  Result<WebSocketWriter*> accept_websocket(std::string_view subprotocol,
                                            std::span<const Header> headers,
                                            WebSocketSink& sink) override;
  void abort() override;

  void hand_over();
  WebSocketSession& websocket();
  void follow_websocket();

  bool may_parse() const;
  size_t parse(std::string_view bytes);
  void parse_held();
  void take_parsed();
  void dispatch();
  void take_forwarded();
  void tell_input_end();
  void deliver();
  void check_dropped_body();
  bool body_pending() const { return dispatched_ && !parser_.message_complete(); }

  Result<> written(Result<> result);
  bool may_persist(bool response_ends) const;
  void finish(bool aborted);
  void break_off();
  void report_begin();
  void report_end(bool aborted, bool refused = false);
  ExchangeRecord record(bool aborted, bool refused) const;
  void disconnect_app(bool refused = false);
  void refuse(int status);
  void append_refusal(int status, HttpVersion version, bool to_head);
  void close_when_done();
  void wake() {
    if (!in_turn_) waker_.session_needs_turn();
  }

  const Http1Context& context_;
  RequestHandler& handler_;
  SessionWaker& waker_;
  ExchangeObserver* const observer_;
  const ForwardedRules* const forwarded_;

  Http1Parser parser_;
  OutputQueue output_;
  Http1Response response_;

  std::string held_;  // bytes not parsed yet: behind an open exchange, or behind too much output
  size_t held_used_ = 0;

  End end_ = End::kOpen;
  bool in_turn_ = false;
  bool draining_ = false;
  bool input_ended_ = false;

  // The message being parsed, once its head was handed to the app.
  bool dispatched_ = false;
  bool keep_alive_ = false;       // the request allows the connection to persist
  bool client_closes_ = false;    // it is the client's last request
  bool stray_input_ = false;      // bytes have come that nobody will look at
  bool body_awaited_ = false;     // by the app, with a limit to its patience
  bool awaits_continue_ = false;  // the client holds its body back until it is told to go on
  uint64_t dropped_body_ = 0;     // what came of it after the response was complete

  // The exchange, while open_.
  bool open_ = false;
  bool writable_due_ = false;    // the output has been above the high-water mark
  RequestSink* sink_ = nullptr;  // null while on_request runs
  size_t unread_body_ = 0;       // delivered to the app and not yet consumed by it
  TimePoint begun_{};            // the observer's
  bool head_kept_ = false;       // on_request has returned: the head's own bytes go
  std::string record_;           // method and target, from then on
  size_t record_method_bytes_ = 0;
  const RequestOrigin* origin_ = nullptr;  // null: nobody says
  std::unique_ptr<RequestOrigin> origin_place_;
  std::unique_ptr<CapturedFields> fields_;       // null: nobody needs any
  std::optional<WebSocketHandshake> handshake_;  // may be accepted
  std::unique_ptr<WebSocketSession> websocket_;  // accepted: has the connection to its end
  bool handed_over_ = false;
};

}  // namespace tricorn
