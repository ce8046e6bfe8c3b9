// Connection and batches of writes: what may wait, and what makes it leave early.
#include "worker/server/connection_harness.h"

#include <cerrno>

namespace tricorn {
namespace {

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

}  // namespace
}  // namespace tricorn
