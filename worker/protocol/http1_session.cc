// Http1Session: bytes in. See http1_session_impl.h.
#include "worker/protocol/http1_session.h"

#include <cassert>

#include "worker/protocol/http1_session_impl.h"

namespace tricorn {
namespace {

// Pipelined bytes kept behind an open exchange before reading stops.
constexpr size_t kHeldBytes = 64 * 1024;
// Of a request body that nobody reads any more: this much is read over, in the time of a head, for
// the sake of a connection that was promised to be kept.
constexpr uint64_t kDropBodyBytes = 8 * 1024 * 1024;

}  // namespace

std::unique_ptr<Session> make_http1_session(const Http1Context& context, RequestHandler& handler,
                                            SessionWaker& waker, ExchangeObserver* observer,
                                            const ForwardedRules* forwarded) {
  return std::make_unique<Http1SessionImpl>(context, handler, waker, observer, forwarded);
}

class Http1SessionImpl::Turn {
 public:
  explicit Turn(Http1SessionImpl& session) : session_(session) { session_.in_turn_ = true; }
  ~Turn() {
    session_.in_turn_ = false;
    // A head without body yet: it goes out with the body, or alone at the end of the loop's turn.
    if (session_.response_.open_head_bytes() != 0) session_.waker_.session_needs_turn();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Http1SessionImpl& session_;
};

Http1SessionImpl::Http1SessionImpl(const Http1Context& context, RequestHandler& handler,
                                   SessionWaker& waker, ExchangeObserver* observer,
                                   const ForwardedRules* forwarded)
    : context_(context),
      handler_(handler),
      waker_(waker),
      observer_(observer),
      forwarded_(forwarded),
      parser_(context.settings),
      response_(context, output_) {
  if (context.needs.any_fields()) fields_ = std::make_unique<CapturedFields>(context.needs);
}

void Http1SessionImpl::on_input(std::string_view bytes) {
  if (websocket_) {
    websocket().on_input(bytes);
    return follow_websocket();
  }
  if (end_ != End::kOpen || input_ended_) {
    stray_input_ = true;
    return;
  }
  Turn turn(*this);
  if (!held_.empty()) {
    held_.append(bytes);
    parse_held();
    return;
  }
  const size_t used = parse(bytes);
  if (used == bytes.size()) return;
  if (end_ == End::kOpen) {
    held_.assign(bytes.substr(used));
  } else {
    stray_input_ = true;
  }
}

bool Http1SessionImpl::may_parse() const {
  if (end_ != End::kOpen || websocket_) return false;
  if (open_) return !parser_.message_complete();
  return body_pending() || !congested();
}

size_t Http1SessionImpl::parse(std::string_view bytes) {
  size_t used = 0;
  while (used < bytes.size() && may_parse()) {
    if (parser_.message_complete()) {
      parser_.next_message();
      dispatched_ = false;
    }
    used += parser_.feed(bytes.substr(used));
    take_parsed();
  }
  return used;
}

void Http1SessionImpl::parse_held() {
  held_used_ += parse(std::string_view(held_).substr(held_used_));
  if (end_ != End::kOpen || held_used_ == held_.size()) {
    stray_input_ |= held_used_ < held_.size();
    held_.clear();
    held_used_ = 0;
    tell_input_end();
    if (held_.capacity() > kHeldBytes) std::string().swap(held_);
  } else if (held_used_ > held_.size() / 2) {
    held_.erase(0, held_used_);
    held_used_ = 0;
  }
}

void Http1SessionImpl::take_parsed() {
  if (parser_.refusal() != 0) {
    refuse(parser_.refusal());
  } else if (!dispatched_) {
    if (parser_.head_complete()) dispatch();
  } else if (open_) {
    deliver();
  } else {
    dropped_body_ += parser_.body().size();
    check_dropped_body();
  }
}

void Http1SessionImpl::dispatch() {
  const ParsedHead& head = parser_.head();
  const std::string_view body = parser_.body();
  const bool complete = parser_.message_complete();
  const HttpVersion version = head.version();
  dispatched_ = open_ = true;
  client_closes_ = head.close || (version == HttpVersion::k10 && !head.keep_alive);
  keep_alive_ = context_.settings.keep_alive_timeout_ms > 0 && !client_closes_;
  body_awaited_ = false;
  awaits_continue_ =
      head.expect_continue && version == HttpVersion::k11 && !complete && body.empty();
  dropped_body_ = 0;
  unread_body_ = body.size();
  writable_due_ = congested();
  response_.reset(version, head.method == "HEAD", head.takes_trailers);
  report_begin();
  if (fields_ != nullptr) fields_->take_request(head.headers);
  if (head.forwarded && forwarded_ != nullptr) take_forwarded();
  handshake_.reset();
  if (head.websocket) handshake_ = take_handshake(head.headers, context_);
  const RequestHead request{head.method,  head.target,    version,
                            head.headers, head.websocket, origin_};
  RequestSink* const sink = handler_.on_request(request, body, complete, *this);
  if (!open_) return;
  assert(sink != nullptr || websocket_);
  sink_ = websocket_ ? nullptr : sink;
  head_kept_ = true;
  if (!context_.needs.request_line) return;
  record_.assign(head.method).append(head.target);
  record_method_bytes_ = head.method.size();
}

void Http1SessionImpl::take_forwarded() {
  Forwarded said = read_forwarded(parser_.head().headers, *forwarded_);
  if (!said.host.empty()) parser_.replace_host(said.host);
  if (!origin_place_) origin_place_ = std::make_unique<RequestOrigin>();
  *origin_place_ = std::move(said.origin);
  origin_ = origin_place_.get();
}

// The app behind the last request hears that no more will come from this client; a body without its
// end never looks whole.
void Http1SessionImpl::tell_input_end() {
  if (!open_ || websocket_ || !input_ended_ || !held_.empty()) return;
  if (parser_.message_complete()) {
    sink_->on_input_end();
  } else {
    break_off();
    disconnect_app();
  }
}

void Http1SessionImpl::deliver() {
  const std::string_view body = parser_.body();
  const bool complete = parser_.message_complete();
  if (body.empty() && !complete) return;
  awaits_continue_ = body_awaited_ = false;
  unread_body_ += body.size();
  sink_->on_body(body, complete);
}

// The response is complete and the body is not: read on for a while, else the client's unread bytes
// would turn our close into a reset that destroys the response.
void Http1SessionImpl::check_dropped_body() {
  if (awaits_continue_ || dropped_body_ + parser_.body_bytes_left() > kDropBodyBytes) {
    end_ = End::kClosing;
  }
}

void Http1SessionImpl::on_input_end() {
  if (websocket_) {
    websocket().on_input_end();
    return follow_websocket();
  }
  if (end_ != End::kOpen || input_ended_) return;
  Turn turn(*this);
  input_ended_ = true;
  tell_input_end();
  close_when_done();
}

void Http1SessionImpl::on_disconnect() {
  if (websocket_) {
    websocket().on_disconnect();
    return follow_websocket();
  }
  if (end_ == End::kAborted) return;
  Turn turn(*this);
  end_ = End::kAborted;
  if (open_) disconnect_app();
}

void Http1SessionImpl::on_output_sent() {
  if (websocket_) return websocket().on_output_sent();
  if (output_.size() > context_.settings.write_high_water_bytes / 4) return;
  Turn turn(*this);
  if (open_ && writable_due_) {
    writable_due_ = false;
    sink_->on_writable();
  }
  if (!held_.empty() && may_parse()) waker_.session_needs_turn();
}

void Http1SessionImpl::on_timeout() {
  if (websocket_) {
    websocket().on_timeout();
    return follow_websocket();
  }
  const SessionPhase late = phase();
  if (end_ != End::kOpen || late == SessionPhase::kServing) return;
  Turn turn(*this);
  if (late == SessionPhase::kAwaitingBody ||
      (late == SessionPhase::kReadingHead && !body_pending())) {
    refuse(408);
  } else {
    end_ = End::kClosing;
  }
}

void Http1SessionImpl::resume() {
  if (websocket_) {
    websocket().resume();
    return follow_websocket();
  }
  if (end_ == End::kAborted) return;
  Turn turn(*this);
  response_.close_head(may_persist(false));
  if (!held_.empty()) parse_held();
  close_when_done();
}

void Http1SessionImpl::begin_drain(bool close_idle) {
  if (websocket_) {
    websocket().begin_drain(close_idle);
    return follow_websocket();
  }
  draining_ = true;
  const bool head_begun = !parser_.at_start() && !parser_.head_complete();
  const bool idle = !open_ && !head_begun && held_.empty();
  if (close_idle && idle && end_ == End::kOpen) end_ = End::kClosing;
}

// After the client's half-close: nothing more can come once all that came is answered.
void Http1SessionImpl::close_when_done() {
  if (end_ == End::kOpen && input_ended_ && !open_ && held_.empty()) end_ = End::kClosing;
}

SessionPhase Http1SessionImpl::phase() const {
  if (websocket_) return websocket_->phase();
  if (end_ == End::kAborted) return SessionPhase::kAborted;
  if (end_ == End::kClosing) return SessionPhase::kClosing;
  if (open_ && body_awaited_) return SessionPhase::kAwaitingBody;
  if (open_ || !held_.empty()) return SessionPhase::kServing;
  // A body that is only read over gets the head's timeout too: nobody waits for it.
  const bool between = parser_.at_start() || parser_.message_complete();
  return between ? SessionPhase::kIdle : SessionPhase::kReadingHead;
}

bool Http1SessionImpl::client_is_done() const {
  if (websocket_) return websocket_->client_is_done();
  return client_closes_ && parser_.message_complete() && held_.empty() && !stray_input_;
}

bool Http1SessionImpl::wants_input() const {
  if (websocket_) return websocket_->wants_input();
  if (end_ != End::kOpen || input_ended_) return false;
  if (held_.size() - held_used_ >= kHeldBytes) return false;
  if (!open_) return held_.empty() && may_parse();
  return unread_body_ <= context_.settings.body_high_water_bytes;
}

}  // namespace tricorn
