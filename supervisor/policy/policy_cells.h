// PolicyCells: a situation meets every event. The cells that act are listed, all others must do
// nothing; and whatever happened, a stop ends.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <ostream>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {

inline constexpr size_t kEventKinds = std::variant_size_v<Event>;
inline constexpr size_t kCells = kEventKinds + 2;  // the other face of two of them
using Cells = std::map<std::string, std::string>;

inline constexpr std::array<const char*, kCells> kEventNames = {
    "Started",     "Reload",      "Stop",         "Scale",        "ScaleTo",      "RetireAll",
    "BringBack",   "ZygoteReady", "ZygoteFailed", "HasThreads",   "ZygoteExited", "WorkerSpawned",
    "SpawnFailed", "WorkerReady", "BootFailed",   "WorkerExited", "RetireWish",   "WorkerHung",
    "Tick",        "StopFast",    "ScaleDown",
};

struct Situation {
  const char* name;
  std::function<void(PolicyHarness&)> prepare;
  WorkerId worker;        // whom worker events are about
  Generation generation;  // and zygote events
  Cells acting;
  PolicyOptions options{.workers = 2, .backoff_jitter = 0};
};

inline std::array<Event, kCells> events_about(WorkerId worker, Generation generation) {
  using namespace std::chrono_literals;
  const BootFailure failure{BootFailureKind::kStart, "boom"};
  return {Started{},
          ReloadRequested{},
          StopRequested{.signal = SIGTERM},
          ScaleRequested{+1},
          ScaleTo{3},
          RetireAllRequested{},
          BringBackRequested{},
          ZygoteReady{generation},
          ZygoteFailed{generation, failure},
          ZygoteHasThreads{generation, "Thread-1"},
          ZygoteExited{generation, {.code = 1}},
          WorkerSpawned{worker, 200},
          WorkerSpawnFailed{worker, EAGAIN},
          WorkerReady{worker},
          WorkerBootFailed{worker, failure},
          WorkerExited{worker, {.code = 1}},
          WorkerRetireWish{worker, "memory"},
          WorkerHung{worker, 60s},
          Tick{},
          StopRequested{.fast = true, .signal = SIGQUIT},
          ScaleRequested{-1}};
}

inline void PrintTo(const Situation& situation, std::ostream* out) { *out << situation.name; }

inline void reload(PolicyHarness& h) { h.boot().send(ReloadRequested{}).zygote_ready(2); }
inline void wish(PolicyHarness& h) { h.boot().send(WorkerRetireWish{1, "memory"}); }

inline void expect_only_listed_cells_act(const Situation& situation) {
  using namespace std::chrono_literals;
  for (const auto& [name, actions] : situation.acting) {
    EXPECT_TRUE(std::ranges::count(kEventNames, name)) << "no such event: " << name;
  }
  const auto events = events_about(situation.worker, situation.generation);
  for (size_t kind = 0; kind < kCells; ++kind) {
    ASSERT_TRUE(kind >= kEventKinds || events[kind].index() == kind);
    PolicyHarness h(situation.options);
    situation.prepare(h);
    h.forget().send(events[kind]);
    const auto cell = situation.acting.find(kEventNames[kind]);
    EXPECT_EQ(h.actions(), cell == situation.acting.end() ? "" : cell->second) << kEventNames[kind];
    // Whatever happened, a stop ends.
    h.send(StopRequested{.signal = SIGTERM}).pass(50s);
    for (WorkerId worker = 1; worker <= h.spawn_count(); ++worker) h.kill(worker);
    EXPECT_EQ(h.pass(10s).send(Tick{}).roster(), "") << kEventNames[kind];
  }
}

}  // namespace tricorn
