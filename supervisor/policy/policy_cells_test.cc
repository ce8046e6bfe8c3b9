// Every situation meets every event: the cells that act are listed, all others must do nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <ostream>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;

constexpr size_t kEventKinds = std::variant_size_v<Event>;
using Cells = std::map<std::string, std::string>;

constexpr std::array<const char*, kEventKinds> kEventNames = {
    "Started",      "Reload",       "Stop",         "Scale",         "RetireAll",   "ZygoteReady",
    "ZygoteFailed", "HasThreads",   "ZygoteExited", "WorkerSpawned", "SpawnFailed", "WorkerReady",
    "BootFailed",   "WorkerExited", "RetireWish",   "WorkerHung",    "Tick",
};

struct Situation {
  const char* name;
  std::function<void(PolicyHarness&)> prepare;
  WorkerId worker;        // whom worker events are about
  Generation generation;  // and zygote events
  Cells acting;
};

std::array<Event, kEventKinds> events_about(WorkerId worker, Generation generation) {
  const BootFailure failure{BootFailureKind::kStart, "boom"};
  return {Started{},
          ReloadRequested{},
          StopRequested{.signal = SIGTERM},
          ScaleRequested{+1},
          RetireAllRequested{},
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
          Tick{}};
}

void PrintTo(const Situation& situation, std::ostream* out) { *out << situation.name; }

const std::vector<Situation>& situations();

class PolicyCells : public testing::TestWithParam<Situation> {};

TEST_P(PolicyCells, ActOnlyWhereListed) {
  const Situation& situation = GetParam();
  for (const auto& [name, actions] : situation.acting) {
    EXPECT_TRUE(std::ranges::count(kEventNames, name)) << "no such event: " << name;
  }
  const auto events = events_about(situation.worker, situation.generation);
  for (size_t kind = 0; kind < kEventKinds; ++kind) {
    ASSERT_EQ(events[kind].index(), kind);
    PolicyHarness h({.workers = 2, .backoff_jitter = 0});
    situation.prepare(h);
    h.forget().send(events[kind]);
    const auto cell = situation.acting.find(kEventNames[kind]);
    EXPECT_EQ(h.actions(), cell == situation.acting.end() ? "" : cell->second) << kEventNames[kind];
    // Whatever happened, a stop ends.
    h.send(StopRequested{.signal = SIGTERM}).pass(40s);
    for (WorkerId worker = 1; worker <= h.spawn_count(); ++worker) h.kill(worker);
    EXPECT_EQ(h.pass(10s).send(Tick{}).roster(), "") << kEventNames[kind];
  }
}

INSTANTIATE_TEST_SUITE_P(All, PolicyCells, testing::ValuesIn(situations()),
                         [](const auto& test) { return test.param.name; });

void reload(PolicyHarness& h) { h.boot().send(ReloadRequested{}).zygote_ready(2); }
void wish(PolicyHarness& h) { h.boot().send(WorkerRetireWish{1, "memory"}); }

const std::vector<Situation>& situations() {
  static const std::vector<Situation> all = {
      {"Idle",
       [](PolicyHarness&) {},
       1,
       1,
       {{"Started", "zygote 1"}, {"Stop", "unlisten, exit 0"}, {"WorkerSpawned", "kill 1"}}},
      {"ZygoteBoots",
       [](PolicyHarness& h) { h.send(Started{}); },
       1,
       1,
       {{"Stop", "unlisten, stop zygote 1"},
        {"ZygoteReady", "spawn 1 in 0 of 1, spawn 2 in 1 of 1"},
        {"ZygoteFailed", "stop zygote 1, unlisten"},
        {"HasThreads", "stop zygote 1"},
        {"ZygoteExited", "unlisten, exit 1"},
        {"WorkerSpawned", "kill 1"}}},
      {"FirstBoot",
       [](PolicyHarness& h) { h.order_all().fork(1).fork(2); },
       1,
       1,
       {{"Stop", "quit 1, quit 2, unlisten, stop zygote 1"},
        {"Scale", "spawn 3 in 2 of 1"},
        {"RetireAll", "quit 1, quit 2"},
        {"ZygoteExited", "quit 1, quit 2, unlisten"},
        {"WorkerReady", "listen"},
        {"BootFailed", "quit 2, unlisten, stop zygote 1"},
        {"WorkerExited", "quit 2, unlisten, stop zygote 1"}}},
      {"FirstBootUnreported",
       [](PolicyHarness& h) { h.order_all(); },
       1,
       1,
       {{"Stop", "quit 1, quit 2, unlisten"},
        {"Scale", "spawn 3 in 2 of 1"},
        {"RetireAll", "quit 1, quit 2"},
        {"ZygoteExited", "quit 1, quit 2, unlisten, exit 1"},
        {"WorkerReady", "listen"},
        {"BootFailed", "quit 2, unlisten"},
        {"WorkerExited", "quit 2, unlisten"}}},
      {"Serving",
       [](PolicyHarness& h) { h.boot(); },
       1,
       1,
       {{"Reload", "zygote 2"},
        {"Stop", "drain 1, drain 2, unlisten, stop zygote 1"},
        {"Scale", "spawn 3 in 2 of 1"},
        {"RetireAll", "retire 1, retire 2"},
        {"WorkerExited", "spawn 3 in 0 of 1"},
        {"RetireWish", "spawn 3 in 0 of 1"},
        {"WorkerHung", "abort 1, spawn 3 in 0 of 1"}}},
      {"WithoutZygote",
       [](PolicyHarness& h) { h.boot().send(ZygoteExited{1, {}}); },
       1,
       1,
       {{"Reload", "zygote 2"},
        {"Stop", "drain 1, drain 2, unlisten"},
        {"RetireAll", "retire 1, retire 2"},
        {"WorkerHung", "abort 1"}}},
      {"BackingOff",
       [](PolicyHarness& h) { h.boot().kill(1).up(3).kill(3); },
       3,
       1,
       {{"Reload", "zygote 2"},
        {"Stop", "drain 2, unlisten, stop zygote 1"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "retire 2"},
        {"WorkerSpawned", "kill 3"}}},
      {"ReloadStarts",
       [](PolicyHarness& h) { h.boot().send(ReloadRequested{}); },
       1,
       2,
       {{"Stop", "drain 1, drain 2, unlisten, stop zygote 1, stop zygote 2"},
        {"Scale", "spawn 3 in 2 of 1"},
        {"RetireAll", "retire 1, retire 2, stop zygote 2"},
        {"ZygoteReady", "spawn 3 in 0 of 2"},
        {"ZygoteFailed", "stop zygote 2"},
        {"HasThreads", "stop zygote 2"},
        {"WorkerExited", "spawn 3 in 0 of 1"},
        {"RetireWish", "spawn 3 in 0 of 1"},
        {"WorkerHung", "abort 1, spawn 3 in 0 of 1"}}},
      {"CanaryUnreported",
       [](PolicyHarness& h) { reload(h); },
       3,
       2,
       {{"Stop", "drain 1, drain 2, quit 3, unlisten, stop zygote 1"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "quit 3, retire 1, retire 2"},
        {"ZygoteExited", "quit 3"},
        {"SpawnFailed", "spawn 4 in 1 of 2"},
        {"WorkerExited", "stop zygote 2"}}},
      {"CanaryBoots",
       [](PolicyHarness& h) { reload(h), h.fork(3); },
       3,
       2,
       {{"Stop", "drain 1, drain 2, quit 3, unlisten, stop zygote 1, stop zygote 2"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "quit 3, retire 1, retire 2, stop zygote 2"},
        {"ZygoteExited", "quit 3"},
        {"BootFailed", "stop zygote 2"},
        {"WorkerExited", "stop zygote 2"}}},
      {"CanaryLives",
       [](PolicyHarness& h) { reload(h), h.up(3); },
       3,
       2,
       {{"Stop", "drain 1, drain 2, drain 3, unlisten, stop zygote 1, stop zygote 2"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "retire 3, retire 1, retire 2, stop zygote 2"},
        {"ZygoteExited", "retire 3"},
        {"WorkerExited", "stop zygote 2"},
        {"WorkerHung", "abort 3, stop zygote 2"}}},
      {"Rolling",
       [](PolicyHarness& h) { reload(h), h.up(3).pass(1s).fork(4); },
       4,
       2,
       {{"Stop", "drain 1, drain 2, drain 3, quit 4, unlisten, stop zygote 1, stop zygote 2"},
        {"Scale", "spawn 5 in 2 of 1"},
        {"RetireAll", "retire 3, quit 4, retire 2, stop zygote 2"},
        {"ZygoteExited", "quit 4, spawn 5 in 0 of 1"},
        {"WorkerReady", "retire 2, stop zygote 1"},
        {"BootFailed", "spawn 5 in 0 of 1, stop zygote 2"},
        {"WorkerExited", "spawn 5 in 0 of 1, stop zygote 2"}}},
      {"RollingBack",
       [](PolicyHarness& h) { reload(h), h.up(3).pass(1s).boot_fails(4).fork(5); },
       5,
       1,
       {{"Reload", "zygote 3"},
        {"Stop", "drain 1, drain 2, drain 3, quit 5, unlisten, stop zygote 1"},
        {"Scale", "spawn 6 in 2 of 1"},
        {"RetireAll", "quit 5, retire 3, retire 2"},
        {"WorkerReady", "retire 3"}}},
      {"WishBoots",
       [](PolicyHarness& h) { wish(h), h.fork(3); },
       3,
       1,
       {{"Reload", "zygote 2"},
        {"Stop", "drain 1, drain 2, quit 3, unlisten, stop zygote 1"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "quit 3, retire 1, retire 2"},
        {"WorkerReady", "retire 1"}}},
      {"Retiring",
       [](PolicyHarness& h) { wish(h), h.up(3); },
       1,
       1,
       {{"Reload", "zygote 2"},
        {"Stop", "drain 1, drain 2, drain 3, unlisten, stop zygote 1"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "retire 3, retire 2"}}},
      {"Quitting",
       [](PolicyHarness& h) { h.boot().kill(1).fork(3).send(RetireAllRequested{}); },
       3,
       1,
       {{"Reload", "zygote 2, spawn 4 in 0 of 1, spawn 5 in 1 of 1"},
        {"Stop", "drain 2, unlisten, stop zygote 1"},
        {"Scale", "spawn 4 in 0 of 1, spawn 5 in 1 of 1"}}},
      {"Aborted",
       [](PolicyHarness& h) { h.boot().send(WorkerHung{1, 60s}).up(3); },
       1,
       1,
       {{"Reload", "zygote 2"},
        {"Stop", "drain 2, drain 3, unlisten, stop zygote 1"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "retire 3, retire 2"}}},
      {"Killed",
       [](PolicyHarness& h) { h.boot().send(WorkerHung{1, 60s}).up(3).pass(1s); },
       1,
       1,
       {{"Reload", "zygote 2"},
        {"Stop", "drain 2, drain 3, unlisten, stop zygote 1"},
        {"Scale", "spawn 4 in 2 of 1"},
        {"RetireAll", "retire 3, retire 2"},
        {"WorkerSpawned", "kill 1"}}},
      {"Paused",
       [](PolicyHarness& h) { h.boot().send(RetireAllRequested{}).exit(1).exit(2); },
       1,
       1,
       {{"Reload", "zygote 2, spawn 3 in 0 of 1, spawn 4 in 1 of 1"},
        {"Stop", "unlisten, stop zygote 1"},
        {"Scale", "spawn 3 in 0 of 1, spawn 4 in 1 of 1"},
        {"WorkerSpawned", "kill 1"}}},
      {"StopDrains",
       [](PolicyHarness& h) { h.boot().send(StopRequested{.signal = SIGTERM}); },
       1,
       1,
       {{"Stop", "quit 1, quit 2"}}},
      {"StopFast", [](PolicyHarness& h) { h.boot().send(StopRequested{.fast = true}); }, 1, 1, {}},
      {"StopKills",
       [](PolicyHarness& h) {
         h.boot();
         for (int i = 0; i < 3; ++i) h.send(StopRequested{});
       },
       1,
       1,
       {{"WorkerSpawned", "kill 1"}}},
      {"Gone", [](PolicyHarness& h) { h.send(StopRequested{}); }, 1, 1, {}},
  };
  return all;
}

}  // namespace
}  // namespace tricorn
