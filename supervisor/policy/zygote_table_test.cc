// A zygote's states: what each order does in each, and the deadlines.
#include "supervisor/policy/zygote_table.h"

#include <gtest/gtest.h>

#include <memory>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;
using State = Zygote::State;

class ZygoteTableTest : public testing::Test {
 protected:
  Zygote& bring_to(State state) {
    table = std::make_unique<ZygoteTable>(options);
    table->start(turn, 7);
    Zygote& zygote = *table->find(7);
    if (state == State::kReady) table->set_ready(turn, zygote);
    if (state == State::kStopping) table->stop(turn, zygote);
    if (state == State::kKilled) table->kill(turn, zygote);
    if (state == State::kDown) table->set_down(turn, zygote, jitter);
    turn.effects.clear();
    return zygote;
  }
  std::string orders() { return turn.effects.empty() ? "" : to_word(turn.effects.back()); }

  PolicyOptions options{.boot_timeout = 10s, .kill_grace = 1s, .backoff_jitter = 0};
  Jitter jitter{1};
  Turn turn{.now = TimePoint{1h}};
  std::unique_ptr<ZygoteTable> table;
};

TEST_F(ZygoteTableTest, StopAndKillFromEveryState) {
  struct Row {
    State from;
    Duration deadline;  // zero: none
    const char* stop;
    const char* kill;
  };
  const Row rows[] = {
      {State::kStarting, 10s, "stop zygote 7", "kill zygote 7"},
      {State::kReady, 0s, "stop zygote 7", "kill zygote 7"},
      {State::kStopping, 1s, "", "kill zygote 7"},
      {State::kKilled, 10s, "", ""},
      {State::kDown, 100ms, "", ""},
  };
  static_assert(std::size(rows) == static_cast<size_t>(State::kDown) + 1);
  for (const Row& row : rows) {
    const Zygote& zygote = bring_to(row.from);
    EXPECT_EQ(zygote.deadline.value_or(turn.now) - turn.now, row.deadline);
    EXPECT_EQ(table->next_deadline(), zygote.deadline);
    EXPECT_EQ(table->ready(7), row.from == State::kReady);
    table->stop(turn, *table->find(7));
    EXPECT_EQ(orders(), row.stop);
    bring_to(row.from);
    table->kill(turn, 7);
    EXPECT_EQ(orders(), row.kill);
  }
}

TEST_F(ZygoteTableTest, OneThatHangsIsAbortedThenKilled) {
  Zygote& zygote = bring_to(State::kStarting);
  table->abort(turn, zygote);
  EXPECT_EQ(orders(), "abort zygote 7");
  EXPECT_EQ(*zygote.deadline - turn.now, 1s);
  table->stop(turn, zygote);
  EXPECT_EQ(orders(), "abort zygote 7") << "it is told once";
}

TEST_F(ZygoteTableTest, NeverStartsAgainInTheTurnOfTheExit) {
  Zygote& zygote = bring_to(State::kReady);
  turn.now += 1h;
  table->set_down(turn, zygote, jitter);
  EXPECT_GT(*zygote.deadline, turn.now);
  EXPECT_TRUE(table->expired(turn.now).empty());
}

}  // namespace
}  // namespace tricorn
