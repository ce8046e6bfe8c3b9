// Every transition from every state of a worker, and the deadlines.
#include "supervisor/policy/worker_table.h"

#include <gtest/gtest.h>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;
using State = Worker::State;

class WorkerTableTest : public testing::Test {
 protected:
  // A worker brought to `state`, on a table of its own; its orders so far are forgotten.
  Worker& bring_to(State state) {
    table = std::make_unique<WorkerTable>(options);
    Worker& worker = *table->find(table->spawn(turn, 0, 1));
    table->set_spawned(turn, worker, 42);
    if (state != State::kBooting) table->set_ready(turn, worker);
    if (state == State::kRetiring) table->drain(turn, worker, DrainMode::kRetire);
    if (state == State::kQuitting) table->quit(turn, worker);
    if (state == State::kAborted) table->abort(turn, worker);
    if (state == State::kKilled) table->kill(turn, worker);
    turn.effects.clear();
    return worker;
  }
  std::string orders() {
    std::string words;
    for (const Effect& effect : turn.effects) words += to_word(effect);
    return words;
  }
  PolicyOptions options{.boot_timeout = 10s, .drain_timeout = 5s, .kill_grace = 1s};
  Turn turn{.now = TimePoint{1h}};
  std::unique_ptr<WorkerTable> table;
};

TEST_F(WorkerTableTest, EveryWayOutFromEveryState) {
  struct Cell {
    const char* order;
    State state;
  };
  struct Row {
    State from;
    Cell retire, stop, quit, let_go, kill;
  };
  const Row rows[] = {
      {State::kBooting,
       {"", State::kBooting},
       {"", State::kBooting},
       {"quit 1", State::kQuitting},
       {"quit 1", State::kQuitting},
       {"kill 1", State::kKilled}},
      {State::kReady,
       {"retire 1", State::kRetiring},
       {"drain 1", State::kRetiring},
       {"quit 1", State::kQuitting},
       {"retire 1", State::kRetiring},
       {"kill 1", State::kKilled}},
      {State::kRetiring,
       {"", State::kRetiring},
       {"drain 1", State::kRetiring},
       {"quit 1", State::kQuitting},
       {"", State::kRetiring},
       {"kill 1", State::kKilled}},
      {State::kQuitting,
       {"", State::kQuitting},
       {"", State::kQuitting},
       {"", State::kQuitting},
       {"", State::kQuitting},
       {"kill 1", State::kKilled}},
      {State::kAborted,
       {"", State::kAborted},
       {"", State::kAborted},
       {"", State::kAborted},
       {"", State::kAborted},
       {"kill 1", State::kKilled}},
      {State::kKilled,
       {"", State::kKilled},
       {"", State::kKilled},
       {"", State::kKilled},
       {"", State::kKilled},
       {"", State::kKilled}},
  };
  static_assert(std::size(rows) == static_cast<size_t>(State::kKilled) + 1);
  for (const Row& row : rows) {
    const auto check = [&](const Cell& cell, auto&& transition) {
      Worker& worker = bring_to(row.from);
      transition(worker);
      EXPECT_EQ(orders(), cell.order) << "from " << static_cast<int>(row.from);
      EXPECT_EQ(worker.state, cell.state);
      EXPECT_EQ(worker.deadline.has_value(), worker.state != State::kReady);
    };
    check(row.retire, [&](Worker& worker) { table->drain(turn, worker, DrainMode::kRetire); });
    check(row.stop, [&](Worker& worker) { table->drain(turn, worker, DrainMode::kStop); });
    check(row.quit, [&](Worker& worker) { table->quit(turn, worker); });
    check(row.let_go, [&](Worker& worker) { table->let_go(turn, worker); });
    check(row.kill, [&](Worker& worker) { table->kill(turn, worker); });
  }
}

TEST_F(WorkerTableTest, HastenedDrainKeepsItsDeadline) {
  Worker& worker = bring_to(State::kRetiring);
  const auto deadline = worker.deadline;
  turn.now += 2s;
  table->drain(turn, worker, DrainMode::kStop);
  EXPECT_EQ(std::get<DrainWorker>(turn.effects.back()).deadline, 3s);
  EXPECT_EQ(worker.deadline, deadline);
}

TEST_F(WorkerTableTest, KillWaitsForThePid) {
  table = std::make_unique<WorkerTable>(options);
  Worker& worker = *table->find(table->spawn(turn, 0, 7));
  EXPECT_TRUE(table->has_unreported_spawn(7));
  turn.effects.clear();
  table->kill(turn, worker);
  EXPECT_EQ(orders(), "");
  table->set_spawned(turn, worker, 42);
  EXPECT_EQ(orders(), "kill 1");
  EXPECT_FALSE(table->has_unreported_spawn(7));
}

}  // namespace
}  // namespace tricorn
