// Every event in situations that take an option: several slots in motion, lifetimes, a delayed
// stop.
#include "supervisor/policy/policy_cells.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;

extern const std::vector<Situation> kSituations;  // below: a long table

class PolicyVariantCells : public testing::TestWithParam<Situation> {};

TEST_P(PolicyVariantCells, ActOnlyWhereListed) { expect_only_listed_cells_act(GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, PolicyVariantCells, testing::ValuesIn(kSituations),
                         [](const auto& test) { return test.param.name; });

constexpr PolicyOptions kSurge{.workers = 3, .max_surge = 2, .backoff_jitter = 0};
constexpr PolicyOptions kDelay{.workers = 2, .shutdown_delay = 10s, .backoff_jitter = 0};

const std::vector<Situation> kSituations = {
    {"SurgeWishesBoot",
     [](PolicyHarness& h) {
       h.boot().send(WorkerRetireWish{1, "full"}).send(WorkerRetireWish{2, "full"}).fork(4);
       h.send(WorkerRetireWish{3, "full"}).fork(5);
     },
     4,
     1,
     {{"Reload", "zygote 2"},
      {"Stop", "drain 1, drain 2, drain 3, quit 4, quit 5, unlisten, stop zygote 1"},
      {"Scale", "spawn 6 in 3 of 1"},
      {"RetireAll", "quit 4, retire 1, quit 5, retire 2, retire 3"},
      {"WorkerReady", "retire 1, spawn 6 in 2 of 1"},
      {"BootFailed", "spawn 6 in 2 of 1"},
      {"WorkerExited", "spawn 6 in 2 of 1"},
      {"StopFast", "quit 1, quit 2, quit 3, quit 4, quit 5, unlisten, stop zygote 1"},
      {"ScaleDown", "retire 3"}},
     kSurge},
    {"SurgeRolling",
     [](PolicyHarness& h) { reload(h), h.up(4).pass(1s).fork(5).fork(6); },
     5,
     2,
     {{"Stop",
       "drain 1, drain 2, drain 3, drain 4, quit 5, quit 6, unlisten, stop zygote 1, stop zygote "
       "2"},
      {"Scale", "spawn 7 in 3 of 1"},
      {"RetireAll", "retire 4, quit 5, retire 2, quit 6, retire 3, stop zygote 2"},
      {"ZygoteExited", "quit 5, quit 6, spawn 7 in 0 of 1"},
      {"WorkerReady", "retire 2"},
      {"BootFailed", "quit 6, spawn 7 in 0 of 1, stop zygote 2"},
      {"WorkerExited", "quit 6, spawn 7 in 0 of 1, stop zygote 2"},
      {"StopFast",
       "quit 1, quit 2, quit 3, quit 4, quit 5, quit 6, unlisten, stop zygote 1, stop zygote 2"},
      {"ScaleDown", "quit 6, retire 3"}},
     kSurge},
    {"SurgeRollingBack",
     [](PolicyHarness& h) { reload(h), h.up(4).pass(1s).up(5).boot_fails(6).fork(7).fork(8); },
     7,
     1,
     {{"Reload", "zygote 3"},
      {"Stop",
       "drain 1, drain 2, drain 3, drain 4, drain 5, quit 7, quit 8, unlisten, stop zygote 1"},
      {"Scale", "spawn 9 in 3 of 1"},
      {"RetireAll", "quit 7, retire 4, quit 8, retire 5, retire 3"},
      {"WorkerReady", "retire 4"},
      {"StopFast",
       "quit 1, quit 2, quit 3, quit 4, quit 5, quit 7, quit 8, unlisten, stop zygote 1"},
      {"ScaleDown", "retire 3"}},
     kSurge},
    {"LifetimesOver",
     [](PolicyHarness& h) { h.boot().pass(59s); },
     1,
     1,
     {{"Reload", "zygote 2"},
      {"Stop", "drain 1, drain 2, quit 3, unlisten"},
      {"Scale", "spawn 4 in 2 of 1"},
      {"ScaleTo", "spawn 4 in 2 of 1"},
      {"RetireAll", "quit 3, retire 1, retire 2"},
      {"ZygoteExited", "quit 3"},
      {"WorkerHung", "abort 1"},
      {"StopFast", "quit 1, quit 2, quit 3, unlisten"},
      {"ScaleDown", "retire 2"}},
     {.workers = 2, .worker_lifetime = 60s, .lifetime_jitter = 0, .backoff_jitter = 0}},
    {"SuccessorFails",
     [](PolicyHarness& h) { wish(h), h.boot_fails(3).exit(3, 4); },
     1,
     1,
     {{"Reload", "zygote 2"},
      {"Stop", "drain 1, drain 2, unlisten, stop zygote 1"},
      {"Scale", "spawn 4 in 2 of 1"},
      {"ScaleTo", "spawn 4 in 2 of 1"},
      {"RetireAll", "retire 1, retire 2"},
      {"WorkerHung", "abort 1"},
      {"StopFast", "quit 1, quit 2, unlisten, stop zygote 1"},
      {"ScaleDown", "retire 2"}}},
    {"StopDelays",
     [](PolicyHarness& h) { h.boot().send(StopRequested{.signal = SIGTERM}); },
     1,
     1,
     {{"Stop", "drain 1, drain 2, unlisten, stop zygote 1"},
      {"WorkerExited", "spawn 3 in 0 of 1"},
      {"WorkerHung", "abort 1, spawn 3 in 0 of 1"},
      {"StopFast", "quit 1, quit 2, unlisten, stop zygote 1"}},
     kDelay},
    {"StopDelaysARespawn",
     [](PolicyHarness& h) { h.boot().send(StopRequested{.signal = SIGTERM}).kill(1).fork(3); },
     3,
     1,
     {{"Stop", "drain 2, quit 3, unlisten, stop zygote 1"},
      {"StopFast", "quit 2, quit 3, unlisten, stop zygote 1"}},
     kDelay},
    {"StopDelaysWithoutZygote",
     [](PolicyHarness& h) {
       h.boot().send(StopRequested{.signal = SIGTERM}).send(ZygoteExited{1, {}});
     },
     1,
     1,
     {{"Stop", "drain 1, drain 2, unlisten"},
      {"WorkerHung", "abort 1"},
      {"StopFast", "quit 1, quit 2, unlisten"}},
     kDelay},
    {"StopDelaysAReload",
     [](PolicyHarness& h) { reload(h), h.up(3).kill(1).send(StopRequested{.signal = SIGTERM}); },
     3,
     2,
     {{"Stop", "drain 2, drain 3, unlisten, stop zygote 1"},
      {"WorkerHung", "abort 3"},
      {"StopFast", "quit 2, quit 3, unlisten, stop zygote 1"}},
     kDelay},
};

}  // namespace
}  // namespace tricorn
