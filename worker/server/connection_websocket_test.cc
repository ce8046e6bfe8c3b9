// Connection: the deadlines of an open WebSocket.
#include "worker/server/connection_harness.h"

namespace tricorn {
namespace {

class ConnectionWebSocketTest : public ConnectionTest {
 protected:
  // An event after which the session is in `phase`.
  void go_to(SessionPhase phase) {
    session_->current = phase;
    connection_.on_turn();
  }
};

TEST_F(ConnectionWebSocketTest, EachPhaseHasItsDeadline) {
  go_to(SessionPhase::kSocketOpen);
  EXPECT_EQ(deadline(), DeadlineKind::kPing);
  go_to(SessionPhase::kAwaitingPong);
  EXPECT_EQ(deadline(), DeadlineKind::kPong);
  go_to(SessionPhase::kSocketOpen);
  EXPECT_EQ(deadline(), DeadlineKind::kPing);
  go_to(SessionPhase::kAwaitingCloseEcho);
  EXPECT_EQ(deadline(), DeadlineKind::kCloseEcho);
  go_to(SessionPhase::kServing);
  EXPECT_EQ(deadline(), DeadlineKind::kNone);
}

TEST_F(ConnectionWebSocketTest, MessagesPutNothingOff) {
  go_to(SessionPhase::kSocketOpen);
  for (int i = 0; i < 5; ++i) transport_->deliver("message");
  EXPECT_EQ(times_armed(DeadlineKind::kPing), 1u);
  session_->current = SessionPhase::kAwaitingCloseEcho;
  for (int i = 0; i < 5; ++i) transport_->deliver("message");
  EXPECT_EQ(times_armed(DeadlineKind::kCloseEcho), 1u);
}

TEST_F(ConnectionWebSocketTest, APingThatIsDueIsSent) {
  go_to(SessionPhase::kSocketOpen);
  host_.queue.cancel(connection_);
  session_->react = [this] {
    session_->queue.append("ping");
    session_->current = SessionPhase::kAwaitingPong;
  };
  connection_.on_deadline(DeadlineKind::kPing);
  EXPECT_EQ(transport_->sent(), "ping");
  EXPECT_EQ(deadline(), DeadlineKind::kPong);
}

TEST_F(ConnectionWebSocketTest, NothingIsDueAnyMoreOnceThePhaseHasChanged) {
  go_to(SessionPhase::kAwaitingPong);
  host_.queue.cancel(connection_);
  session_->current = SessionPhase::kAwaitingCloseEcho;  // the app has closed: its turn is to come
  connection_.on_deadline(DeadlineKind::kPong);
  EXPECT_EQ(session_->timeouts, 0);
  EXPECT_EQ(deadline(), DeadlineKind::kCloseEcho);
}

TEST_F(ConnectionWebSocketTest, APongThatLiesThereIsInTime) {
  go_to(SessionPhase::kAwaitingPong);
  host_.queue.cancel(connection_);
  transport_->stop_reading();
  transport_->deliver("pong");
  transport_->start_reading();
  session_->react = [this] { session_->current = SessionPhase::kSocketOpen; };
  connection_.on_deadline(DeadlineKind::kPong);
  EXPECT_EQ(session_->input, "pong");
  EXPECT_EQ(session_->timeouts, 0);
  EXPECT_EQ(deadline(), DeadlineKind::kPing);
}

TEST_F(ConnectionWebSocketTest, WithoutAnAnswerToItsCloseTheConnectionEnds) {
  go_to(SessionPhase::kAwaitingCloseEcho);
  host_.queue.cancel(connection_);
  session_->react = [this] { session_->current = SessionPhase::kClosing; };
  connection_.on_deadline(DeadlineKind::kCloseEcho);
  EXPECT_EQ(session_->timeouts, 1);
  EXPECT_EQ(deadline(), DeadlineKind::kLinger);
}

TEST_F(ConnectionWebSocketTest, AClientThatTakesNothingIsStalled) {
  transport_->set_write_capacity(0);
  session_->queue.append("message");
  go_to(SessionPhase::kAwaitingPong);
  EXPECT_EQ(deadline(), DeadlineKind::kStalledWrite);
  transport_->make_writable(100);
  EXPECT_EQ(deadline(), DeadlineKind::kPong);
}

}  // namespace
}  // namespace tricorn
