// The steps of a reload, and requests that come meanwhile.
#include "supervisor/policy/rollout.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(Rollout, GoesThroughItsStates) {
  Rollout rollout;
  EXPECT_FALSE(rollout.start_due());
  rollout.request();
  EXPECT_TRUE(rollout.start_due());
  rollout.start(2);
  EXPECT_EQ(rollout.state(), Rollout::State::kStartingZygote);
  EXPECT_TRUE(rollout.rolls_to(2));
  EXPECT_FALSE(rollout.replaces_workers());
  rollout.zygote_ready();
  EXPECT_EQ(rollout.state(), Rollout::State::kCanary);
  rollout.first_slot_done();
  rollout.first_slot_done();
  EXPECT_EQ(rollout.state(), Rollout::State::kRolling);
  EXPECT_TRUE(rollout.replaces_workers());
  rollout.end();
  EXPECT_FALSE(rollout.active());
  EXPECT_EQ(rollout.target(), std::nullopt);
}

TEST(Rollout, RequestsMeanwhileCoalesceAndSurviveTheEndButNotACancel) {
  for (const bool cancelled : {false, true}) {
    Rollout rollout;
    rollout.request();
    rollout.start(2);
    rollout.request();
    rollout.request();
    EXPECT_FALSE(rollout.start_due());
    cancelled ? rollout.cancel() : rollout.end();
    EXPECT_EQ(rollout.start_due(), !cancelled);
  }
}

}  // namespace
}  // namespace tricorn
