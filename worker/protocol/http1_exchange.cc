// Http1Exchange: the app's side of Http1SessionImpl, and every way in which an exchange ends.
#include <algorithm>
#include <cassert>
#include <utility>

#include "worker/protocol/http1_session_impl.h"
#include "worker/protocol/status_line.h"

namespace tricorn {
namespace {

// A response that leaves more than this of its request's body unread says that it will close.
constexpr uint64_t kUnreadBodyBytes = 64 * 1024;

// Status in the record of a request whose server died before it answered.
constexpr int kServerDied = 500;

}  // namespace

Result<> Http1SessionImpl::inform(int status, std::span<const Header> headers) {
  assert(open_);
  return written(response_.inform(status, headers));
}

Result<> Http1SessionImpl::start(int status, std::span<const Header> headers, bool trailers) {
  assert(open_);
  auto started = written(response_.start(status, headers, trailers));
  if (started && fields_ != nullptr) fields_->take_response(headers);
  return started;
}

Result<> Http1SessionImpl::body(Chunk chunk, bool more) {
  assert(open_);
  return written(response_.body(std::move(chunk), more, may_persist(!more)));
}

Result<> Http1SessionImpl::file(FileSlice file, bool more) {
  assert(open_);
  return written(response_.file(std::move(file), more, may_persist(!more)));
}

Result<> Http1SessionImpl::trailers(std::span<const Header> headers, bool more) {
  assert(open_);
  return written(response_.trailers(headers, more));
}

// What follows every writing call, refused or not: a body that is too short was written.
Result<> Http1SessionImpl::written(Result<> result) {
  writable_due_ |= congested();
  if (response_.complete()) finish(false);
  if (result) wake();
  return result;
}

bool Http1SessionImpl::withdraw() {
  assert(open_);
  return response_.withdraw();
}

bool Http1SessionImpl::congested() const {
  return output_.size() > context_.settings.write_high_water_bytes;
}

void Http1SessionImpl::body_consumed(size_t bytes) {
  assert(open_);
  const bool wanted_input = wants_input();
  unread_body_ -= std::min(bytes, unread_body_);
  if (!wanted_input && wants_input()) wake();
}

void Http1SessionImpl::body_wanted() {
  assert(open_);
  if (context_.settings.body_timeout_ms != 0) {
    body_awaited_ = true;
    wake();
  }
  if (!awaits_continue_ || response_.started()) return;
  awaits_continue_ = false;
  output_.append(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
  wake();
}

void Http1SessionImpl::body_unwanted() {
  if (std::exchange(body_awaited_, false)) wake();
}

void Http1SessionImpl::abort() {
  assert(open_);
  break_off();
  finish(true);
  wake();
}

// Cuts the response off. A body that ends with the connection would look whole after an orderly
// close; a reset could destroy earlier responses on their way, so it is for that case only.
void Http1SessionImpl::break_off() {
  response_.give_up_open_head();
  const bool cut = response_.started() && response_.ends_by_close();
  end_ = cut ? End::kAborted : End::kClosing;
}

// Decided when the head is framed. An app whose response goes on may read its request's body yet.
bool Http1SessionImpl::may_persist(bool response_ends) const {
  const bool leaves_much =
      response_ends && body_pending() && parser_.body_bytes_left() > kUnreadBodyBytes;
  return keep_alive_ && !draining_ && !awaits_continue_ && !leaves_much &&
         !(input_ended_ && held_.empty());
}

// The gateway has ended the exchange, well or badly.
void Http1SessionImpl::finish(bool aborted) {
  if (end_ == End::kOpen && !response_.persistent()) end_ = End::kClosing;
  if (end_ == End::kOpen && body_pending()) check_dropped_body();
  report_end(aborted);
  open_ = false;
  sink_ = nullptr;
  close_when_done();
}

void Http1SessionImpl::report_begin() {
  head_kept_ = false;
  if (fields_ != nullptr) fields_->clear();
  if (observer_ != nullptr) begun_ = observer_->on_exchange_begin();
}

void Http1SessionImpl::report_end(bool aborted, bool refused) {
  if (observer_ != nullptr) observer_->on_exchange_end(record(aborted, refused));
  origin_ = nullptr;
}

void Http1SessionImpl::report_unfinished() {
  if (!open_ || observer_ == nullptr) return;
  ExchangeRecord unfinished = record(true, false);
  if (unfinished.status == 0) unfinished.status = kServerDied;
  observer_->on_exchange_end(unfinished);
}

ExchangeRecord Http1SessionImpl::record(bool aborted, bool refused) const {
  ExchangeRecord record{
      .status = websocket_ ? 101 : response_.status(),
      .response_bytes = websocket_ ? websocket_->payload_sent() : response_.body_bytes(),
      .aborted = aborted,
      .origin = origin_,
      .refused = refused,
      .begun = begun_,
      .fields = fields_.get()};
  if (head_kept_) {
    record.method = std::string_view(record_).substr(0, record_method_bytes_);
    record.target = std::string_view(record_).substr(record_method_bytes_);
  } else {
    record.method = parser_.head().method;
    record.target = parser_.head().target;
  }
  record.version = parser_.head().version();
  return record;
}

// The session ends the exchange: the client is gone, or its request turned out to be no good.
void Http1SessionImpl::disconnect_app(bool refused) {
  report_end(true, refused);
  open_ = false;
  if (RequestSink* const sink = std::exchange(sink_, nullptr)) sink->on_disconnect();
}

void Http1SessionImpl::refuse(int status) {
  end_ = End::kClosing;
  const ParsedHead& head = parser_.head();
  if (!open_) {
    if (!dispatched_) {
      report_begin();
      append_refusal(status, HttpVersion::k11, head.method == "HEAD");
      report_end(false, true);
    }
    return;  // the rest of a body that nobody waits for is no good: just close
  }
  break_off();
  if (!response_.started()) {
    end_ = End::kClosing;
    append_refusal(status, head.version(), head.method == "HEAD");
  }
  disconnect_app(true);
}

void Http1SessionImpl::append_refusal(int status, HttpVersion version, bool to_head) {
  const Header fields[] = {{"content-type", "text/plain; charset=utf-8"},
                           {"upgrade", "websocket"},
                           {"sec-websocket-version", "13"}};
  const size_t count = status == 426 ? 3 : 1;  // RFC 9110 15.5.22, RFC 6455 4.4
  const std::string_view text =
      status == 400 ? "Invalid HTTP request received." : reason_phrase(status);
  response_.reset(version, to_head, false);
  const bool appended =
      response_.start(status, std::span(fields).first(count), false).has_value() &&
      response_.body(Chunk::borrowed(text), false, false).has_value();
  assert(appended);
  static_cast<void>(appended);
}

}  // namespace tricorn
