// Connection: after each event the session is asked what it wants, and `settle` makes it so.
#include "worker/server/connection.h"

#include <cerrno>
#include <utility>

#include "common/logging.h"

namespace tricorn {
namespace {

// A client that sends on after the response is listened to for so long (and for
// DeadlineKind::kLinger): unread input at close() would make the kernel send a reset, which can
// destroy the response on its way.
constexpr size_t kLingerBytes = 8 * 1024 * 1024;

bool is_serving(SessionPhase phase) {
  return phase == SessionPhase::kServing || phase == SessionPhase::kAwaitingBody;
}

}  // namespace

void Connection::adopt(const ConnectionInfo& info, std::unique_ptr<RequestHandler> handler) {
  client_ = info.client;
  tls_ = info.tls;
  handler_ = std::move(handler);
}

void Connection::start(std::unique_ptr<Transport> transport, std::unique_ptr<Session> session) {
  transport_ = std::move(transport);
  session_ = std::move(session);
  host_.arm_deadline(*this, DeadlineKind::kHeader);  // a client that never sends a byte ends here
  transport_->start_reading();
}

void Connection::on_read(std::string_view bytes) {
  host_.enter();
  if (state_ == State::kLingering) {
    discarded_ += bytes.size();
    if (discarded_ > kLingerBytes) close();
    return;
  }
  session_->on_input(bytes);
  if (state_ != State::kOpen) return;
  const size_t to_send = session_->output_ready() ? session_->output().size() : 0;
  if (!host_.may_batch(*this, to_send)) settle();
}

void Connection::on_read_end() {
  host_.enter();
  read_ended_ = true;
  if (state_ == State::kLingering) return close();
  session_->on_input_end();
  settle();
}

void Connection::on_writable() {
  host_.enter();
  if (flush()) settle();
}

void Connection::on_lost(int) {
  host_.enter();
  cut();
}

void Connection::on_turn() {
  if (state_ != State::kOpen) return;
  session_->resume();
  settle();
}

void Connection::on_batch_end() { settle(); }

void Connection::on_deadline(DeadlineKind kind) {
  switch (kind) {
    case DeadlineKind::kHeader:
    case DeadlineKind::kKeepAlive:
      if (session_->phase() == SessionPhase::kIdle && has_begun_anew()) return;
      session_->on_timeout();
      return settle();
    case DeadlineKind::kBody:
      if (has_begun_anew()) return;
      session_->on_timeout();
      return settle();
    case DeadlineKind::kPing:
      return on_socket_deadline(SessionPhase::kSocketOpen);
    case DeadlineKind::kPong:
      return on_socket_deadline(SessionPhase::kAwaitingPong);
    case DeadlineKind::kCloseEcho:
      return on_socket_deadline(SessionPhase::kAwaitingCloseEcho);
    case DeadlineKind::kFirstRequest:
      return begin_drain(true);
    case DeadlineKind::kStalledWrite:
      return cut();
    case DeadlineKind::kLinger:
    case DeadlineKind::kNone:
      return close();
  }
}

// Timers run before I/O: of a loop that was held up, the client may have sent what is due in time.
bool Connection::has_begun_anew() {
  transport_->read_now();
  if (batch_link.linked) settle();  // what it answered does not wait: its deadline is asked for
  return state_ != State::kOpen || deadline_kind() != DeadlineKind::kNone ||
         session_->phase() == SessionPhase::kServing;
}

// A WebSocket's. Of a loop that was held up, what is waited for may have come in time; and what the
// app did meanwhile may want another deadline.
void Connection::on_socket_deadline(SessionPhase phase) {
  transport_->read_now();
  if (state_ != State::kOpen) return;
  if (session_->phase() == phase) session_->on_timeout();
  settle();
}

void Connection::begin_drain(bool close_idle) {
  if (close_idle && state_ == State::kOpen) transport_->read_now();
  if (state_ != State::kOpen) return;
  session_->begin_drain(close_idle);
  settle();
}

void Connection::cut() {
  if (state_ == State::kOpen) {
    const bool cuts_off = is_serving(session_->phase()) || !session_->output().empty();
    session_->on_disconnect();
    if (cuts_off) transport_->reset();
  }
  close();
}

TimePoint Connection::on_exchange_begin() {
  ++requests_;
  return host_.on_exchange_begin();
}

void Connection::on_exchange_end(const ExchangeRecord& record) {
  exchange_ended_ = true;
  host_.on_exchange_end(*this, record);
}

void Connection::settle() {
  if (batch_link.linked) host_.leave_batch(*this);
  if (state_ != State::kOpen) return;
  if (session_->phase() == SessionPhase::kAborted) {
    transport_->reset();
    return close();
  }
  if (session_->output_ready() && !flush()) return;
  const SessionPhase phase = session_->phase();
  if (phase == SessionPhase::kClosing && session_->output().empty()) return start_linger();
  if (session_->wants_input()) {
    transport_->start_reading();
  } else {
    transport_->stop_reading();
  }
  update_deadline(phase);
}

bool Connection::flush() {
  OutputQueue& output = session_->output();
  if (output.empty()) return true;
  auto taken = transport_->flush(output);
  if (!taken) {
    if (taken.error() == Transport::kFileTooShort) {
      log_warning("a file became shorter while it was sent: its download is cut off");
    }
    cut();
    return false;
  }
  if (*taken > 0) {
    sent_some_ = true;
    host_.count_sent(*taken);
    session_->on_output_sent();
  }
  return true;
}

void Connection::update_deadline(SessionPhase phase) {
  const bool sent_some = std::exchange(sent_some_, false);
  const bool exchange_ended = std::exchange(exchange_ended_, false);
  // A slow client may take its time over a response, but must take some of it.
  if (session_->output_ready()) return expect(DeadlineKind::kStalledWrite, sent_some);
  switch (phase) {
    case SessionPhase::kIdle:
      if (had_request()) return expect(DeadlineKind::kKeepAlive, exchange_ended);
      return;  // the deadline set at accept, or for its first request in a drain, stands
    case SessionPhase::kReadingHead:
      return expect(DeadlineKind::kHeader, exchange_ended);
    case SessionPhase::kServing:
      return host_.cancel_deadline(*this);
    case SessionPhase::kAwaitingBody:
      return expect(DeadlineKind::kBody, false);
    case SessionPhase::kSocketOpen:
      return expect(DeadlineKind::kPing, false);
    case SessionPhase::kAwaitingPong:
      return expect(DeadlineKind::kPong, false);
    case SessionPhase::kAwaitingCloseEcho:
      return expect(DeadlineKind::kCloseEcho, false);
    case SessionPhase::kClosing:
    case SessionPhase::kAborted:
      return;  // closing with unsent output: kStalledWrite above
  }
}

// A deadline of the same kind is left to run, so that drips do not put it off, unless it is to
// begin anew.
void Connection::expect(DeadlineKind kind, bool anew) {
  if (deadline_kind() != kind || anew) host_.arm_deadline(*this, kind);
}

// As nginx: no lingering where the client asked for the close and nothing of it lies unread.
void Connection::start_linger() {
  if (read_ended_) return close();
  state_ = State::kLingering;
  transport_->start_reading();
  if (session_->client_is_done()) {
    transport_->read_now();  // may see the end of the input, and close
    if (discarded_ == 0) return close();
  }
  if (state_ == State::kClosed) return;
  host_.arm_deadline(*this, DeadlineKind::kLinger);
  transport_->shutdown_write();
}

void Connection::close() {
  if (std::exchange(state_, State::kClosed) == State::kClosed) return;
  host_.cancel_deadline(*this);
  transport_->close();
  host_.on_connection_ended(*this);
}

}  // namespace tricorn
