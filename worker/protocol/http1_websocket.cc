// Http1WebSocket: how Http1SessionImpl hands its connection over to a WebSocketSession.
#include <cassert>
#include <utility>

#include "worker/protocol/http1_session_impl.h"

namespace tricorn {

Result<WebSocketWriter*> Http1SessionImpl::accept_websocket(std::string_view subprotocol,
                                                            std::span<const Header> headers,
                                                            WebSocketSink& sink) {
  assert(open_ && !websocket_);
  if (!handshake_) return fail("the request is no websocket handshake");
  if (response_.started()) return fail("the response has already been started");
  auto answered =
      append_handshake_answer(output_.tail(), *handshake_, subprotocol, headers, context_);
  if (!answered) return pass_on(answered);
  if (fields_ != nullptr) fields_->take_response(headers);
  websocket_ =
      std::make_unique<WebSocketSession>(context_, output_, waker_, sink, handshake_->deflate);
  sink_ = nullptr;
  waker_.session_needs_turn();  // for hand_over: not now, the gateway is still in its call
  return websocket_.get();
}

// What has happened to the connection since the handshake is the socket's now.
void Http1SessionImpl::hand_over() {
  if (std::exchange(handed_over_, true)) return;
  const std::string held = std::exchange(held_, {});
  websocket_->on_input(std::string_view(held).substr(std::exchange(held_used_, 0)));
  if (input_ended_) websocket_->on_input_end();
  if (draining_) websocket_->begin_drain(false);
}

WebSocketSession& Http1SessionImpl::websocket() {
  hand_over();
  return *websocket_;
}

void Http1SessionImpl::follow_websocket() {
  if (!open_ || !websocket_->ended()) return;
  report_end(websocket_->lost());
  open_ = false;
}

}  // namespace tricorn
