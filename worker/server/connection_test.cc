// Connection between a scripted session and a transport in memory: deadlines, backpressure,
// closing, faults.
#include "worker/server/connection_harness.h"

#include <sys/mman.h>

#include <cerrno>

namespace tricorn {
namespace {

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
