// ProxyProtocolSession: who is let in with which header, and what the session behind it is told.
#include "worker/protocol/proxy_protocol_session.h"

#include <gtest/gtest.h>

#include <optional>

#include "worker/protocol/proxy_protocol_harness.h"

namespace tricorn {
namespace {

// The session behind: notes what it is told.
struct InnerSession final : Session {
  explicit InnerSession(std::string& told_log) : told(told_log) {}
  void on_input(std::string_view bytes) override { told += bytes; }
  void on_input_end() override { told += "|end"; }
  void on_disconnect() override { told += "|disconnect"; }
  void on_output_sent() override { told += "|sent"; }
  void on_timeout() override { told += "|timeout"; }
  void resume() override { told += "|resume"; }
  void begin_drain(bool close_idle) override { told += close_idle ? "|close idle" : "|drain"; }
  void report_unfinished() override { told += "|unfinished"; }
  SessionPhase phase() const override { return SessionPhase::kServing; }
  bool wants_input() const override { return false; }
  bool client_is_done() const override { return true; }
  bool output_ready() const override { return true; }
  OutputQueue& output() override { return queue; }

  std::string& told;
  OutputQueue queue;
};

class ProxyProtocolSessionTest : public testing::Test {
 protected:
  void make(bool expected = true) {
    session_ = make_proxy_protocol_session({.accepted = ProxyProtocol::kAuto,
                                            .expected = expected,
                                            .open =
                                                [this](const ProxyHeader& header) {
                                                  EXPECT_FALSE(client_) << "opened twice";
                                                  client_ = header.client.host;
                                                  return std::make_unique<InnerSession>(told_);
                                                },
                                            .refuse =
                                                [this](const char* fault) {
                                                  EXPECT_EQ(refused_, "");
                                                  refused_ = fault;
                                                }});
  }
  // As a transport does: each piece in memory of its own, gone after the call.
  void input(std::string_view bytes, size_t piece = 1) {
    for (size_t begin = 0; begin < bytes.size(); begin += piece) {
      const std::string copy(bytes.substr(begin, piece));
      session_->on_input(copy);
    }
  }
  void expect_refused(std::string_view fault) {
    EXPECT_EQ(refused_, fault);
    EXPECT_EQ(session_->phase(), SessionPhase::kAborted);
    EXPECT_FALSE(session_->wants_input());
    EXPECT_FALSE(client_.has_value());
    session_->on_input("GET / HTTP/1.1\r\n\r\n");  // too late
    session_->resume();
    session_->on_output_sent();
    EXPECT_FALSE(session_->output_ready());
    EXPECT_FALSE(client_.has_value());
  }

  std::unique_ptr<Session> session_;
  std::optional<std::string> client_;
  std::string told_;
  std::string refused_;
};

constexpr std::string_view kV1 = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n";
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

TEST_F(ProxyProtocolSessionTest, TheHeaderIsTakenOffAtAnyCut) {
  using namespace std::string_literals;
  const std::string second =
      v2(0x21, 0x11, v2_inet("\xc0\x00\x02\x01"s, "\xc0\x00\x02\x02"s, 56324, 443));
  for (const std::string& header : {std::string(kV1), second}) {
    for (size_t piece = 1; piece < header.size() + kRequest.size(); ++piece) {
      make();
      input(header + std::string(kRequest), piece);
      EXPECT_EQ(client_, "192.0.2.1") << piece;
      EXPECT_EQ(told_, kRequest) << piece;
      client_.reset();
      told_.clear();
    }
  }
}

TEST_F(ProxyProtocolSessionTest, AfterTheHeaderEverythingIsPassedOn) {
  make();
  EXPECT_EQ(session_->phase(), SessionPhase::kIdle);
  EXPECT_TRUE(session_->wants_input());
  input(kV1.substr(0, 20));
  EXPECT_EQ(session_->phase(), SessionPhase::kReadingHead);
  EXPECT_TRUE(session_->wants_input());
  session_->resume();
  input(kV1.substr(20));
  EXPECT_EQ(told_, "");
  EXPECT_EQ(session_->phase(), SessionPhase::kServing);
  EXPECT_FALSE(session_->wants_input());
  EXPECT_TRUE(session_->output_ready());
  EXPECT_TRUE(session_->client_is_done());
  session_->on_input(kV1);
  session_->on_output_sent();
  session_->on_timeout();
  session_->resume();
  session_->begin_drain(true);
  session_->on_input_end();
  session_->on_disconnect();
  EXPECT_EQ(told_, std::string(kV1) + "|sent|timeout|resume|close idle|end|disconnect");
}

TEST_F(ProxyProtocolSessionTest, WithoutAHeaderOrWithABadOne) {
  make();
  input(kRequest);
  expect_refused("is missing");
  refused_.clear();
  make();
  input("PROXY TCP4 nonsense\r\n");
  expect_refused("is malformed");
}

TEST_F(ProxyProtocolSessionTest, OthersAreServedWithoutAHeaderAndRefusedWithOne) {
  for (size_t piece : {1, 3, 100}) {
    for (std::string request : {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", "PROPFIND / HTTP/1.1\r\n\r\n"}) {
      make(false);
      input(request, piece);
      EXPECT_EQ(told_, request);
      EXPECT_EQ(client_, "");
      told_.clear();
      client_.reset();
    }
    for (std::string header : {std::string(kV1), v2(0x20, 0, ""), std::string("PROXY x")}) {
      make(false);
      input(header, piece);
      expect_refused("is not for this peer to send");
      refused_.clear();
    }
  }
}

TEST_F(ProxyProtocolSessionTest, Timeouts) {
  make();
  session_->on_timeout();  // a connection that never sends a byte ends silently
  EXPECT_EQ(session_->phase(), SessionPhase::kClosing);
  EXPECT_EQ(refused_, "");
  make();
  input("PROXY TCP4");
  session_->on_timeout();
  expect_refused("is not complete in time");
}

TEST_F(ProxyProtocolSessionTest, EndsOfInput) {
  make();
  session_->on_input_end();  // a probe
  EXPECT_EQ(session_->phase(), SessionPhase::kClosing);
  EXPECT_EQ(refused_, "");
  make();
  input("PROXY TCP4");
  session_->on_input_end();
  expect_refused("is cut");
  refused_.clear();
  make();
  input("PROXY TCP4");
  session_->on_disconnect();
  EXPECT_EQ(session_->phase(), SessionPhase::kAborted);
  EXPECT_EQ(refused_, "");
}

TEST_F(ProxyProtocolSessionTest, ADrainReachesTheSessionBehind) {
  make();
  session_->begin_drain(false);
  EXPECT_EQ(session_->phase(), SessionPhase::kIdle);
  input(std::string(kV1) + "x");
  EXPECT_EQ(told_, "|drainx");
  client_.reset();
  make();
  session_->begin_drain(true);
  EXPECT_EQ(session_->phase(), SessionPhase::kClosing);
  make();
  input("PROXY");
  session_->begin_drain(true);  // its request is on its way
  EXPECT_EQ(session_->phase(), SessionPhase::kReadingHead);
}

}  // namespace
}  // namespace tricorn
