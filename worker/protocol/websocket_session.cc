// WebSocketSession: the client's side. See websocket_session.h.
#include "worker/protocol/websocket_session.h"

#include <utility>

#include "worker/protocol/websocket_close.h"

namespace tricorn {
namespace {

// A buffer for held bytes that grew beyond this is given back when it is empty.
constexpr size_t kKeepHeld = 4 * 1024;

}  // namespace

class WebSocketSession::Turn {
 public:
  explicit Turn(WebSocketSession& session) : session_(session) { session_.in_turn_ = true; }
  ~Turn() { session_.in_turn_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  WebSocketSession& session_;
};

WebSocketSession::WebSocketSession(const Http1Context& context, OutputQueue& output,
                                   SessionWaker& waker, WebSocketSink& sink,
                                   const std::optional<DeflateAgreement>& deflate)
    : context_(context),
      output_(output),
      waker_(waker),
      sink_(&sink),
      deflate_(deflate),
      reader_(context.settings.websocket.max_message_bytes,
              deflate ? &context.codecs->inflaters : nullptr,
              deflate && deflate->client_keeps_context ? deflate->client_window_bits : 0) {}

void WebSocketSession::on_input(std::string_view bytes) {
  if (bytes.empty()) return;
  if (end_ != End::kOpen || input_ended_) {
    stray_input_ = true;
    return;
  }
  Turn turn(*this);
  ping_answered_ = true;  // a long message may stand before the pong: any byte shows life
  if (!held_.empty()) {
    held_.append(bytes);
    return read_held();
  }
  const size_t used = read(bytes);
  if (used == bytes.size()) return;
  if (end_ == End::kOpen) {
    held_.assign(bytes.substr(used));
  } else {
    stray_input_ = true;
  }
}

// What comes after our own Close goes to nobody, but the client's Close has to be found in it.
bool WebSocketSession::may_read() const {
  if (end_ != End::kOpen) return false;
  if (close_sent_) return true;
  return untaken_messages_ < context_.settings.websocket.max_queue &&
         untaken_bytes_ <= context_.settings.body_high_water_bytes;
}

size_t WebSocketSession::read(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() && may_read()) {
    used += reader_.feed(bytes.substr(used));
    take_event();
  }
  return used;
}

void WebSocketSession::read_held() {
  held_used_ += read(std::string_view(held_).substr(held_used_));
  if (end_ != End::kOpen || held_used_ == held_.size()) {
    stray_input_ |= held_used_ < held_.size();
    held_.clear();
    held_used_ = 0;
    if (held_.capacity() > kKeepHeld) std::string().swap(held_);
    if (input_ended_) end_input();
  } else if (held_used_ > held_.size() / 2) {
    held_.erase(0, held_used_);
    held_used_ = 0;
  }
}

void WebSocketSession::take_event() {
  switch (reader_.event()) {
    case WebSocketReader::Event::kNone:
    case WebSocketReader::Event::kPong:
      return;
    case WebSocketReader::Event::kMessage:
      return take_message();
    case WebSocketReader::Event::kPing:
      return take_ping();
    case WebSocketReader::Event::kClose:
      return take_close();
    case WebSocketReader::Event::kFault:
      return fail_socket(reader_.code(), reader_.fault());
  }
}

void WebSocketSession::take_message() {
  if (!close_sent_) {
    untaken_bytes_ += reader_.message().size();
    ++untaken_messages_;
    sink_->on_message(reader_.message());
  }
  reader_.release();
}

// While the client takes nothing, only its latest ping is remembered (RFC 6455 5.5.3).
void WebSocketSession::take_ping() {
  if (close_sent_) return;
  if (congested()) {
    pong_due_.emplace(reader_.payload());
  } else {
    send_frame(Opcode::kPong, reader_.payload());
  }
}

void WebSocketSession::take_close() {
  const ClosePayload close = parse_close(reader_.payload());
  if (close.fault != 0) return fail_socket(close.fault, "malformed close frame");
  client_closed_ = true;
  end_ = End::kClosing;
  if (!close_sent_) send_close(close.code, close.reason);
  end(close.code, close.reason);
}

void WebSocketSession::on_input_end() {
  if (end_ != End::kOpen || input_ended_) return;
  Turn turn(*this);
  input_ended_ = true;
  if (held_.empty()) end_input();
}

// The client shut its side down without a Close.
void WebSocketSession::end_input() {
  if (end_ != End::kOpen) return;
  end_ = End::kClosing;
  end(close_code::kAbnormal, {});
}

void WebSocketSession::on_disconnect() {
  if (end_ == End::kAborted) return;
  Turn turn(*this);
  end_ = End::kAborted;
  end(close_code::kAbnormal, {});
}

void WebSocketSession::on_output_sent() {
  if (output_.size() > context_.settings.write_high_water_bytes / 4) return;
  Turn turn(*this);
  if (pong_due_ && !close_sent_) send_frame(Opcode::kPong, *pong_due_);
  pong_due_.reset();
  if (std::exchange(writable_due_, false) && sink_ != nullptr) sink_->on_writable();
}

void WebSocketSession::on_timeout() {
  Turn turn(*this);
  switch (phase()) {
    case SessionPhase::kSocketOpen:
      send_frame(Opcode::kPing, {});
      ping_answered_ = false;
      return;
    case SessionPhase::kAwaitingPong:
      return fail_socket(close_code::kInternalError, "keepalive ping timeout");
    case SessionPhase::kAwaitingCloseEcho:
      end_ = End::kClosing;
      return end(close_code::kAbnormal, {});
    default:
      return;
  }
}

void WebSocketSession::resume() {
  if (end_ != End::kOpen || held_.empty()) return;
  Turn turn(*this);
  read_held();
}

void WebSocketSession::begin_drain(bool close_idle) {
  if (end_ != End::kOpen) return;
  Turn turn(*this);
  if (std::exchange(draining_, true) && close_idle) {
    end_ = End::kClosing;
    return end(close_code::kAbnormal, {});
  }
  if (close_sent_) return;
  send_close(close_code::kServiceRestart, {});
  end(close_code::kServiceRestart, {});
  if (!held_.empty()) read_held();
}

SessionPhase WebSocketSession::phase() const {
  if (end_ == End::kAborted) return SessionPhase::kAborted;
  if (end_ == End::kClosing) return SessionPhase::kClosing;
  if (close_sent_) return SessionPhase::kAwaitingCloseEcho;
  const WebSocketSettings& settings = context_.settings.websocket;
  if (settings.ping_interval_ms == 0) return SessionPhase::kServing;
  // A pong may lie behind what we do not read: nobody can be blamed for it.
  const bool pong_owed = !ping_answered_ && settings.ping_timeout_ms != 0 && wants_input();
  return pong_owed ? SessionPhase::kAwaitingPong : SessionPhase::kSocketOpen;
}

bool WebSocketSession::wants_input() const { return may_read() && held_.empty() && !input_ended_; }

}  // namespace tricorn
