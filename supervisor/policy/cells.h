// For tests: a machine in each of its states meets every event. The cells that act are listed; all
// others must do nothing.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace tricorn {

template <class State>
struct Cell {
  std::string actions;
  State after;
};
template <class State>
using CellTable = std::map<std::string, Cell<State>>;  // by the event's name

// `in_state` makes a harness whose machine is in `state`: it can send() an event and tell the
// machine's state() and what actions() came since they were asked for. `events` are named.
template <class State, class Events, class InState>
void expect_cells(State state, const CellTable<State>& acting, const Events& events,
                  const InState& in_state) {
  for (const auto& [name, event] : events) {
    SCOPED_TRACE(name);
    auto harness = in_state();
    ASSERT_EQ(harness.state(), state);
    harness.actions();
    harness.send(event);
    const auto cell = acting.find(name);
    const bool acts = cell != acting.end();
    EXPECT_EQ(harness.actions(), acts ? cell->second.actions : "");
    EXPECT_EQ(harness.state(), acts ? cell->second.after : state);
  }
}

}  // namespace tricorn
