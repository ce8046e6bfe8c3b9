// Connection between a scripted session and a transport in memory: deadlines, backpressure,
// closing, faults.
#include "worker/server/connection.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cerrno>
#include <functional>

#include "worker/transport/memory_transport.h"

namespace tricorn {
namespace {

// Does what the test says, and notes what it was told.
struct FakeSession final : Session {
  void on_input(std::string_view bytes) override {
    input += bytes;
    if (react) react();
  }
  void on_input_end() override { input_ended = true; }
  void on_disconnect() override { ++disconnects; }
  void on_output_sent() override { ++output_sent; }
  void on_timeout() override {
    ++timeouts;
    if (react) react();
  }
  void resume() override {
    ++resumes;
    if (react) react();
  }
  void begin_drain(bool close_idle) override {
    drains.push_back(close_idle);
    if (close_idle && current == SessionPhase::kIdle) current = SessionPhase::kClosing;
  }
  SessionPhase phase() const override { return current; }
  bool client_is_done() const override { return client_done; }
  bool wants_input() const override { return hungry; }
  bool output_ready() const override { return !queue.empty() && !head_open; }
  OutputQueue& output() override { return queue; }

  SessionPhase current = SessionPhase::kIdle;
  bool hungry = true;
  bool client_done = false;
  bool head_open = false;
  OutputQueue queue;
  std::function<void()> react;
  std::string input;
  bool input_ended = false;
  int disconnects = 0, output_sent = 0, timeouts = 0, resumes = 0;
  std::vector<bool> drains;
};

struct FakeHost final : ConnectionHost {
  void enter() override { ++entered; }
  void queue_turn(Connection&) override { ++turns_queued; }
  bool may_batch(Connection& connection, size_t bytes) override {
    offered = bytes;
    if (batches && bytes > 0) batch.push_back(connection);
    return batches && bytes > 0;
  }
  void leave_batch(Connection& connection) override { batch.remove(connection); }
  void arm_deadline(Connection& connection, DeadlineKind kind) override {
    armed.push_back(kind);
    queue.arm(connection, kind, TimePoint{});
  }
  void cancel_deadline(Connection& connection) override { queue.cancel(connection); }
  void count_sent(size_t bytes) override { sent += bytes; }
  TimePoint on_exchange_begin() override {
    ++begun;
    return {};
  }
  void on_exchange_end(const Connection&, const ExchangeRecord&) override { ++finished; }
  void on_connection_ended(Connection&) override { ++ended; }

  bool batches = false;  // what may_batch says
  size_t offered = 0;
  int entered = 0, turns_queued = 0, begun = 0, finished = 0, ended = 0;
  size_t sent = 0;
  std::vector<DeadlineKind> armed;
  DeadlineQueue queue{{}};
  IntrusiveList<Connection, &Connection::batch_link> batch;
};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    auto transport = std::make_unique<MemoryTransport>(connection_);
    auto session = std::make_unique<FakeSession>();
    transport_ = transport.get();
    session_ = session.get();
    connection_.start(std::move(transport), std::move(session));
  }
  ~ConnectionTest() override { host_.queue.cancel(connection_); }

  // The session answers its input at once with `response` and ends in `phase`.
  void answer_with(std::string response, SessionPhase phase = SessionPhase::kIdle) {
    session_->react = [this, response, phase] {
      connection_.on_exchange_begin();
      session_->queue.append(response);
      session_->current = phase;
      connection_.on_exchange_end({});
    };
  }
  DeadlineKind deadline() const { return connection_.deadline_kind(); }
  size_t times_armed(DeadlineKind kind) const {
    return static_cast<size_t>(std::count(host_.armed.begin(), host_.armed.end(), kind));
  }

  FakeHost host_;
  Connection connection_{host_};
  MemoryTransport* transport_;
  FakeSession* session_;
};

TEST_F(ConnectionTest, ReadsWithAHeaderDeadlineFromTheStart) {
  EXPECT_TRUE(transport_->reading());
  EXPECT_EQ(deadline(), DeadlineKind::kHeader);
}

TEST_F(ConnectionTest, AnswersInOneWriteAndThenKeepsAlive) {
  answer_with("response");
  transport_->deliver("request");
  EXPECT_EQ(session_->input, "request");
  EXPECT_EQ(transport_->sent(), "response");
  EXPECT_EQ(host_.sent, 8u);
  EXPECT_EQ(session_->output_sent, 1);
  EXPECT_EQ(deadline(), DeadlineKind::kKeepAlive);
  EXPECT_EQ(host_.entered, 1);
  EXPECT_TRUE(connection_.had_request());
}

TEST_F(ConnectionTest, WhatMayWaitIsSentAtTheEndOfItsBatch) {
  host_.batches = true;
  answer_with("response");
  transport_->deliver("request");
  EXPECT_EQ(host_.offered, 8u);
  EXPECT_EQ(transport_->sent(), "");
  EXPECT_EQ(deadline(), DeadlineKind::kHeader);
  connection_.on_batch_end();
  EXPECT_EQ(transport_->sent(), "response");
  EXPECT_EQ(deadline(), DeadlineKind::kKeepAlive);
}

TEST_F(ConnectionTest, AHeadWithoutItsBodyIsNotOfferedForABatch) {
  session_->current = SessionPhase::kServing;
  session_->head_open = true;
  session_->queue.append("head");
  transport_->deliver("request");
  EXPECT_EQ(host_.offered, 0u);
}

TEST_F(ConnectionTest, ABatchThatEndsAfterItsConnectionChangesNothing) {
  host_.batches = true;
  answer_with("response");
  transport_->deliver("request");
  transport_->deliver_reset(-ECONNRESET);
  connection_.on_batch_end();
  EXPECT_EQ(transport_->sent(), "");
  EXPECT_EQ(host_.ended, 1);
}

TEST_F(ConnectionTest, DripsDoNotPutOffTheHeaderDeadline) {
  session_->current = SessionPhase::kReadingHead;
  for (int i = 0; i < 5; ++i) transport_->deliver("G");
  EXPECT_EQ(times_armed(DeadlineKind::kHeader), 1u);
}

TEST_F(ConnectionTest, AHeadThatFollowsAResponseGetsItsOwnDeadline) {
  answer_with("response");
  transport_->deliver("request");
  answer_with("response", SessionPhase::kReadingHead);
  transport_->deliver("request GE");
  EXPECT_EQ(deadline(), DeadlineKind::kHeader);
  transport_->deliver("T");  // its answer begins the next head's time anew
  EXPECT_EQ(times_armed(DeadlineKind::kHeader), 3u);
}

TEST_F(ConnectionTest, KeepAliveBeginsAnewAfterEachResponse) {
  answer_with("response");
  transport_->deliver("one");
  transport_->deliver("two");
  EXPECT_EQ(times_armed(DeadlineKind::kKeepAlive), 2u);
  session_->react = nullptr;
  transport_->deliver("\r\n");
  EXPECT_EQ(times_armed(DeadlineKind::kKeepAlive), 2u);
}

TEST_F(ConnectionTest, AnOpenExchangeHasNoDeadline) {
  session_->current = SessionPhase::kServing;
  transport_->deliver("request");
  EXPECT_EQ(deadline(), DeadlineKind::kNone);
}

TEST_F(ConnectionTest, AnOpenHeadWaitsForItsBody) {
  session_->current = SessionPhase::kServing;
  session_->head_open = true;
  session_->queue.append("head");
  transport_->deliver("request");
  EXPECT_EQ(transport_->sent(), "");
  session_->head_open = false;
  connection_.on_turn();
  EXPECT_EQ(session_->resumes, 1);
  EXPECT_EQ(transport_->sent(), "head");
}

TEST_F(ConnectionTest, PausesReadingWhileTheSessionIsFull) {
  session_->hungry = false;
  transport_->deliver("much");
  EXPECT_FALSE(transport_->reading());
  session_->hungry = true;
  connection_.on_turn();
  EXPECT_TRUE(transport_->reading());
}

TEST_F(ConnectionTest, ASlowReaderMustTakeSomething) {
  transport_->set_write_capacity(4);
  answer_with("response");
  transport_->deliver("request");
  EXPECT_EQ(deadline(), DeadlineKind::kStalledWrite);
  EXPECT_EQ(times_armed(DeadlineKind::kStalledWrite), 1u);
  transport_->make_writable(2);
  EXPECT_EQ(times_armed(DeadlineKind::kStalledWrite), 2u);
  transport_->deliver("next");  // its own bytes do not count
  EXPECT_EQ(times_armed(DeadlineKind::kStalledWrite), 2u);
  transport_->make_writable(100);
  EXPECT_EQ(transport_->sent(), "responseresponse");
  EXPECT_EQ(deadline(), DeadlineKind::kKeepAlive);
}

TEST_F(ConnectionTest, AReaderThatStallsIsCut) {
  transport_->set_write_capacity(0);
  answer_with("response");
  transport_->deliver("request");
  connection_.on_deadline(DeadlineKind::kStalledWrite);
  EXPECT_EQ(session_->disconnects, 1);
  EXPECT_TRUE(transport_->closed());
  EXPECT_EQ(host_.ended, 1);
}

TEST_F(ConnectionTest, ClosingLingersUntilTheClientIsDone) {
  answer_with("last", SessionPhase::kClosing);
  transport_->deliver("request");
  EXPECT_EQ(transport_->sent(), "last");
  EXPECT_TRUE(transport_->write_shut());
  EXPECT_FALSE(transport_->closed());
  EXPECT_EQ(deadline(), DeadlineKind::kLinger);
  transport_->deliver("pipelined");
  EXPECT_EQ(session_->input, "request");
  transport_->deliver_end();
  EXPECT_TRUE(transport_->closed());
  EXPECT_EQ(host_.ended, 1);
}

TEST_F(ConnectionTest, ClosesAtOnceWhenTheClientAskedForIt) {
  session_->client_done = true;
  answer_with("last", SessionPhase::kClosing);
  transport_->deliver("request");
  EXPECT_EQ(transport_->sent(), "last");
  EXPECT_TRUE(transport_->closed());
  EXPECT_FALSE(transport_->was_reset());
  EXPECT_EQ(host_.ended, 1);
}

// The kernel would answer bytes that lie unread with a reset.
TEST_F(ConnectionTest, LingersAllTheSameWhenMoreHasCome) {
  session_->client_done = true;
  answer_with("last", SessionPhase::kClosing);
  transport_->stop_reading();
  transport_->deliver("more than it said");
  connection_.on_turn();
  EXPECT_EQ(transport_->sent(), "last");
  EXPECT_EQ(deadline(), DeadlineKind::kLinger);
  EXPECT_TRUE(transport_->write_shut());
  EXPECT_FALSE(transport_->closed());
}

TEST_F(ConnectionTest, AFileThatBecameShorterCutsTheResponseOff) {
  session_->react = [this] {
    session_->queue.append("head");
    session_->queue.append(FileSlice{UniqueFd(memfd_create("test", MFD_CLOEXEC)), 0, 10});
    session_->current = SessionPhase::kServing;
  };
  transport_->deliver("request");
  EXPECT_EQ(transport_->sent(), "head");
  EXPECT_EQ(session_->disconnects, 1);
  EXPECT_TRUE(transport_->was_reset());
  EXPECT_EQ(host_.ended, 1);
}

TEST_F(ConnectionTest, LingeringEndsAfterItsTime) {
  answer_with("last", SessionPhase::kClosing);
  transport_->deliver("request");
  connection_.on_deadline(DeadlineKind::kLinger);
  EXPECT_TRUE(transport_->closed());
  EXPECT_EQ(session_->disconnects, 0);
}

TEST_F(ConnectionTest, LingeringEndsAfterTooMuchInput) {
  answer_with("last", SessionPhase::kClosing);
  transport_->deliver("request");
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 8; ++i) transport_->deliver(piece);
  EXPECT_FALSE(transport_->closed());
  transport_->deliver("one more");
  EXPECT_TRUE(transport_->closed());
}

TEST_F(ConnectionTest, ClosesAtOnceWhenTheClientHasHalfClosed) {
  session_->current = SessionPhase::kServing;
  transport_->deliver("request");
  transport_->deliver_end();
  EXPECT_TRUE(session_->input_ended);
  EXPECT_FALSE(transport_->closed());
  answer_with("response", SessionPhase::kClosing);
  connection_.on_turn();
  EXPECT_EQ(transport_->sent(), "response");
  EXPECT_TRUE(transport_->closed());
}

TEST_F(ConnectionTest, ClosingWaitsForUnsentOutput) {
  transport_->set_write_capacity(3);
  answer_with("response", SessionPhase::kClosing);
  transport_->deliver("request");
  EXPECT_FALSE(transport_->write_shut());
  transport_->make_writable(100);
  EXPECT_EQ(transport_->sent(), "response");
  EXPECT_TRUE(transport_->write_shut());
}

TEST_F(ConnectionTest, AnAbortedSessionIsClosedWithoutMore) {
  session_->queue.append("half a res");
  session_->current = SessionPhase::kAborted;
  transport_->deliver("x");
  EXPECT_TRUE(transport_->was_reset());
  EXPECT_EQ(transport_->sent(), "");
}

TEST_F(ConnectionTest, AWriteErrorEndsIt) {
  transport_->fail_writes(-EPIPE);
  answer_with("response");
  transport_->deliver("request");
  EXPECT_EQ(session_->disconnects, 1);
  EXPECT_EQ(host_.ended, 1);
  connection_.on_turn();  // a turn that was already queued
  EXPECT_EQ(session_->resumes, 0);
}

TEST_F(ConnectionTest, AResetEndsItOnce) {
  session_->current = SessionPhase::kServing;
  transport_->deliver("request");
  transport_->deliver_reset(-ECONNRESET);
  connection_.cut();
  EXPECT_EQ(session_->disconnects, 1);
  EXPECT_EQ(host_.ended, 1);
  EXPECT_EQ(deadline(), DeadlineKind::kNone);
}

TEST_F(ConnectionTest, TimeoutsAreTheSessionsToAnswer) {
  session_->react = [this] {
    session_->queue.append("408");
    session_->current = SessionPhase::kClosing;
  };
  host_.queue.cancel(connection_);
  connection_.on_deadline(DeadlineKind::kHeader);
  EXPECT_EQ(session_->timeouts, 1);
  EXPECT_EQ(transport_->sent(), "408");
  EXPECT_EQ(deadline(), DeadlineKind::kLinger);
}

// The loop was held up: the request came in time, and its timer is looked at before its bytes.
TEST_F(ConnectionTest, ATimeoutOfAnIdleConnectionTakesARequestThatHasComeMeanwhile) {
  for (DeadlineKind kind : {DeadlineKind::kHeader, DeadlineKind::kKeepAlive}) {
    EXPECT_EQ(deadline(), kind);
    host_.queue.cancel(connection_);
    transport_->stop_reading();
    transport_->deliver("request");
    transport_->start_reading();
    answer_with("response");
    connection_.on_deadline(kind);
    EXPECT_EQ(transport_->take_sent(), "response");
    EXPECT_EQ(session_->timeouts, 0);
    EXPECT_EQ(deadline(), DeadlineKind::kKeepAlive);
  }
}

TEST_F(ConnectionTest, WhatATimeoutReadIsAnsweredAtOnce) {
  host_.batches = true;
  host_.queue.cancel(connection_);
  transport_->stop_reading();
  transport_->deliver("request");
  transport_->start_reading();
  answer_with("response");
  connection_.on_deadline(DeadlineKind::kHeader);
  EXPECT_EQ(transport_->sent(), "response");
  EXPECT_EQ(session_->timeouts, 0);
  EXPECT_TRUE(host_.batch.empty());
}

TEST_F(ConnectionTest, WhatADrainReadIsAnsweredAtOnce) {
  host_.batches = true;
  transport_->stop_reading();
  transport_->deliver("request");
  transport_->start_reading();
  answer_with("response");
  connection_.begin_drain(true);
  EXPECT_EQ(transport_->sent(), "response");
  EXPECT_TRUE(host_.batch.empty());
}

TEST_F(ConnectionTest, DripsAreNotReadWhenTheHeaderTimeIsOver) {
  session_->current = SessionPhase::kReadingHead;
  host_.queue.cancel(connection_);
  transport_->stop_reading();
  transport_->deliver("drip");
  transport_->start_reading();
  connection_.on_deadline(DeadlineKind::kHeader);
  EXPECT_EQ(session_->input, "");
  EXPECT_EQ(session_->timeouts, 1);
}

TEST_F(ConnectionTest, DrainTakesARequestThatHasJustCome) {
  transport_->stop_reading();
  transport_->deliver("request");
  transport_->start_reading();
  answer_with("response");
  connection_.begin_drain(true);
  EXPECT_EQ(transport_->sent(), "response");
  EXPECT_EQ(session_->drains, std::vector<bool>{true});
}

TEST_F(ConnectionTest, AFirstRequestThatDoesNotComeInTimeIsNotWaitedFor) {
  connection_.begin_drain(false);
  EXPECT_EQ(deadline(), DeadlineKind::kHeader);
  connection_.on_deadline(DeadlineKind::kFirstRequest);
  EXPECT_EQ(session_->drains, (std::vector<bool>{false, true}));
  EXPECT_EQ(deadline(), DeadlineKind::kLinger);
}

}  // namespace
}  // namespace tricorn
