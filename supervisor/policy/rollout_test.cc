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

// Each state meets each event that it can meet: starting twice and hearing of a second zygote are
// bugs of the caller, who asks first.
TEST(Rollout, EveryStateMeetsEveryEvent) {
  using State = Rollout::State;
  const auto bring_to = [](State state) {
    Rollout rollout;
    if (state != State::kIdle) rollout.start(2);
    if (state == State::kCanary || state == State::kRolling) rollout.zygote_ready();
    if (state == State::kRolling) rollout.first_slot_done();
    EXPECT_EQ(rollout.state(), state);
    return rollout;
  };
  struct Row {
    State from, first_slot_done;
    bool forgives;
  };
  const Row rows[] = {
      {State::kIdle, State::kIdle, false},
      {State::kStartingZygote, State::kStartingZygote, true},
      {State::kCanary, State::kRolling, true},
      {State::kRolling, State::kRolling, true},
  };
  static_assert(std::size(rows) == static_cast<size_t>(State::kRolling) + 1);
  for (const Row& row : rows) {
    Rollout rollout = bring_to(row.from);
    EXPECT_EQ(rollout.active(), row.from != State::kIdle);
    EXPECT_EQ(rollout.rolls_to(2), rollout.active());
    rollout.request();
    EXPECT_EQ(rollout.state(), row.from);
    EXPECT_EQ(rollout.start_due(), row.from == State::kIdle);
    EXPECT_EQ(rollout.forgive_crash(), row.forgives);
    EXPECT_FALSE(rollout.forgive_crash()) << "once";
    rollout.first_slot_done();
    EXPECT_EQ(rollout.state(), row.first_slot_done);
    rollout.end();
    EXPECT_TRUE(rollout.start_due()) << "the request survived";
    rollout.start(3);
    EXPECT_TRUE(rollout.forgive_crash()) << "anew";
    Rollout cancelled = bring_to(row.from);
    cancelled.request();
    cancelled.cancel();
    EXPECT_FALSE(cancelled.active() || cancelled.start_due());
  }
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
