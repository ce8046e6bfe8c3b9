// Drain: every mode against every kind of connection.
#include "worker/server/drain.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(Drain, ARetiringWorkerWaitsForIdleConnectionsUntilItsDeadline) {
  Drain drain;
  EXPECT_FALSE(drain.active());
  drain.begin(DrainMode::kRetire);
  EXPECT_TRUE(drain.active());
  EXPECT_EQ(drain.farewell(true), Farewell::kLastResponse);
  EXPECT_EQ(drain.farewell(false), Farewell::kLastResponse);
  drain.pass_deadline();
  EXPECT_EQ(drain.farewell(true), Farewell::kCloseIdle);
  EXPECT_EQ(drain.farewell(false), Farewell::kCloseIdle);
}

TEST(Drain, AStoppingWorkerClosesIdleConnectionsButAwaitsFirstRequests) {
  Drain drain;
  drain.begin(DrainMode::kStop);
  EXPECT_EQ(drain.farewell(true), Farewell::kCloseIdle);
  EXPECT_EQ(drain.farewell(false), Farewell::kAwaitFirstRequest);
}

TEST(Drain, AStopOvertakesARetirementAndNothingLeadsBack) {
  Drain drain;
  drain.begin(DrainMode::kRetire);
  drain.begin(DrainMode::kStop);
  drain.begin(DrainMode::kRetire);
  EXPECT_EQ(drain.farewell(true), Farewell::kCloseIdle);
}

}  // namespace
}  // namespace tricorn
