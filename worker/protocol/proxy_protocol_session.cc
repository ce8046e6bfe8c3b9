// ProxyProtocolSession: gathers the header, then hands every call on.
#include "worker/protocol/proxy_protocol_session.h"

#include <string>
#include <utility>

namespace tricorn {
namespace {

class ProxyProtocolSession final : public Session {
 public:
  explicit ProxyProtocolSession(ProxyGreeting greeting) : greeting_(std::move(greeting)) {}

  void on_input(std::string_view bytes) override {
    if (session_) return session_->on_input(bytes);
    if (phase_ == SessionPhase::kClosing || phase_ == SessionPhase::kAborted) return;
    if (gathered_.empty()) return take(bytes);
    gathered_.append(bytes);
    take(gathered_);
  }
  void on_input_end() override {
    if (session_) return session_->on_input_end();
    if (!gathered_.empty()) return refuse("is cut");
    end(SessionPhase::kClosing);  // a probe: it connects and leaves
  }
  void on_disconnect() override {
    if (session_) return session_->on_disconnect();
    end(SessionPhase::kAborted);
  }
  void on_output_sent() override {
    if (session_) session_->on_output_sent();
  }
  void on_timeout() override {
    if (session_) return session_->on_timeout();
    if (gathered_.empty()) return end(SessionPhase::kClosing);
    refuse("is not complete in time");
  }
  void resume() override {
    if (session_) session_->resume();
  }
  void begin_drain(bool close_idle) override {
    if (session_) return session_->begin_drain(close_idle);
    draining_ = true;
    if (close_idle && gathered_.empty()) end(SessionPhase::kClosing);
  }
  void report_unfinished() override {
    if (session_) session_->report_unfinished();
  }
  SessionPhase phase() const override { return session_ ? session_->phase() : phase_; }
  bool wants_input() const override {
    if (session_) return session_->wants_input();
    return phase_ == SessionPhase::kIdle || phase_ == SessionPhase::kReadingHead;
  }
  bool client_is_done() const override { return session_ && session_->client_is_done(); }
  bool output_ready() const override { return session_ && session_->output_ready(); }
  OutputQueue& output() override { return session_ ? session_->output() : no_output_; }

 private:
  // `bytes`: all that have come.
  void take(std::string_view bytes) {
    if (greeting_.expected) return take_header(bytes);
    switch (has_proxy_signature(bytes)) {
      case ProxySignature::kNo:
        return open({}, bytes);
      case ProxySignature::kPerhaps:
        return gather(bytes);
      case ProxySignature::kYes:
        return refuse("is not for this peer to send");
    }
  }

  void take_header(std::string_view bytes) {
    ProxyHeader header;
    const ProxyHeaderResult result = parse_proxy_header(bytes, greeting_.accepted, header);
    switch (result.state) {
      case ProxyHeaderResult::State::kComplete:
        return open(header, bytes.substr(result.size));
      case ProxyHeaderResult::State::kIncomplete:
        return gather(bytes);
      case ProxyHeaderResult::State::kMalformed:
        return refuse(result.fault);
    }
  }

  void gather(std::string_view bytes) {
    if (gathered_.empty()) gathered_ = bytes;
    phase_ = SessionPhase::kReadingHead;
  }

  void open(const ProxyHeader& header, std::string_view rest) {
    session_ = greeting_.open(header);
    if (draining_) session_->begin_drain(false);
    if (!rest.empty()) session_->on_input(rest);
    std::string().swap(gathered_);  // only now: `rest` may be part of it
  }

  void refuse(const char* fault) {
    end(SessionPhase::kAborted);
    greeting_.refuse(fault);
  }

  void end(SessionPhase phase) {
    phase_ = phase;
    gathered_.clear();
  }

  ProxyGreeting greeting_;
  std::string gathered_;  // an incomplete header: all of it
  SessionPhase phase_ = SessionPhase::kIdle;
  bool draining_ = false;
  OutputQueue no_output_;
  std::unique_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<Session> make_proxy_protocol_session(ProxyGreeting greeting) {
  return std::make_unique<ProxyProtocolSession>(std::move(greeting));
}

}  // namespace tricorn
