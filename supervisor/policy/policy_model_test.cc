// Random lives: a simulated world of zygotes and workers obeys, fails and dies at random;
// invariants hold all the time.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "supervisor/policy/policy_harness.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;

// Of all eight kinds of world together. Other worlds, as many as one likes:
//   policy_tests --gtest_filter=*PolicyModel* --gtest_shuffle --gtest_random_seed=1
//   --gtest_repeat=20
constexpr int kWorlds = 8;
constexpr int kEvents = 60'000;

constexpr Duration kBootTimeout = 5s;
constexpr Duration kDrainTimeout = 3s;
constexpr Duration kKillGrace = 1s;

// A zygote or a worker. Silent while it boots it is told to go by `killed_by`, or killed; told to
// go, it is killed by then.
struct Process {
  Generation generation = 0;
  bool forked = false;
  bool ready = false;
  bool told_to_go = false;
  bool killed = false;
  bool failed = false;  // said that it could not start
  TimePoint killed_by = TimePoint::max();
};

// `calm`: no process dies unless told to; but boots fail, forks fail and zygotes die.
class World {
 public:
  World(uint64_t seed, bool calm, uint32_t surge)
      : random_(seed), calm_(calm), surge_(surge), slots_(1 + pick(5)), policy_(options(), seed) {}

  void run(int events) {
    send(Started{});
    while (!exited_ && sent_ < events && !testing::Test::HasFailure()) step();
    finish();
  }
  int sent() const { return sent_; }

 private:
  PolicyOptions options() const {
    return {.workers = slots_,
            .boot_timeout = kBootTimeout,
            .drain_timeout = kDrainTimeout,
            .shutdown_delay = surge_ > 2 ? 2s : 0s,
            .kill_grace = kKillGrace,
            .waits_for_repair = surge_ == 2,
            .newest_reload_wins = surge_ == 2,
            .max_surge = surge_,
            .worker_lifetime = surge_ % 2 == 0 ? 60s : 0s,
            .backoff_reset_after = 20s};
  }
  uint32_t pick(uint32_t count) {
    return std::uniform_int_distribution<uint32_t>(0, count - 1)(random_);
  }
  bool chance(uint32_t percent) { return pick(100) < percent; }
  template <class Map>
  auto any(Map& map) {
    return std::next(map.begin(), pick(static_cast<uint32_t>(map.size())));
  }

  void step() {
    const uint32_t dice = pick(1000);
    if (dice < 550 && !workers_.empty()) return worker_moves();
    if (dice < 700 && !zygotes_.empty()) return zygote_moves();
    if (dice < 970) return time_passes();
    operator_acts();
  }

  void worker_moves() {
    const auto [id, process] = *any(workers_);
    if (!process.forked) {
      if (process.killed || !zygotes_.contains(process.generation)) return;
      if (chance(10)) return worker_gone(id, WorkerSpawnFailed{id, EAGAIN});
      workers_[id].forked = true;
      if (process.told_to_go) workers_[id].killed_by = now_ + kKillGrace;
      return send(WorkerSpawned{id, static_cast<int32_t>(id)});
    }
    if (process.killed) return worker_gone(id, WorkerExited{id, {.signal = SIGKILL}});
    if (process.failed || (process.told_to_go && chance(70)))
      return worker_gone(id, WorkerExited{id, {}});
    if (!process.ready) {
      const bool fails = chance(20);
      (fails ? workers_[id].failed : workers_[id].ready) = true;
      const bool leaves = workers_[id].told_to_go;
      if (!leaves) workers_[id].killed_by = fails ? now_ + kKillGrace : TimePoint::max();
      return fails ? send(WorkerBootFailed{id, {BootFailureKind::kStart, "boom"}})
                   : send(WorkerReady{id});
    }
    const uint32_t dice = pick(20);
    if (dice == 0) return send(WorkerRetireWish{id, "random"});
    if (!calm_ && dice == 1) return send(WorkerHung{id, 60s});
    if (!calm_ && dice == 2) worker_gone(id, WorkerExited{id, {.signal = SIGSEGV}});
  }
  void worker_gone(WorkerId id, const Event& event) {
    workers_.erase(id);
    send(event);
  }

  void zygote_moves() {
    const auto [generation, process] = *any(zygotes_);
    const bool dies = process.killed || process.told_to_go || chance(1);
    if (dies) {
      zygotes_.erase(generation);
      std::erase_if(workers_, [&](const auto& entry) {
        return entry.second.generation == generation && !entry.second.forked;
      });
      return send(ZygoteExited{generation, {.signal = SIGKILL}});
    }
    if (process.ready) return;
    if (chance(10)) return send(ZygoteFailed{generation, {BootFailureKind::kImport, "boom"}});
    if (chance(10)) return send(ZygoteHasThreads{generation, "random"});
    zygotes_[generation].ready = true;
    if (!process.told_to_go) zygotes_[generation].killed_by = TimePoint::max();
    send(ZygoteReady{generation});
  }

  void time_passes() {
    const auto deadline = policy_.next_deadline();
    const TimePoint target = now_ + milliseconds(pick(chance(20) ? 5000 : 200));
    if (!deadline || *deadline > target) {
      now_ = target;
      ASSERT_TRUE(policy_.on(now_, Tick{}).empty()) << "nothing was due";
      return;
    }
    now_ = std::max(now_, *deadline);
    send(Tick{});
    ASSERT_TRUE(policy_.on(now_, Tick{}).empty()) << "Tick is idempotent";
    ASSERT_TRUE(!policy_.next_deadline() || *policy_.next_deadline() > now_)
        << "a deadline is served";
  }

  void operator_acts() {
    const uint32_t dice = pick(100);
    if (dice < 70) return send(ReloadRequested{});
    if (dice < 97 && !calm_) {
      const int delta = chance(50) && slots_ < 8 ? 1 : -1;
      if (delta > 0 && !paused_) ++slots_;
      if (delta > 0) paused_ = false;
      if (delta < 0) slots_ = std::max(1u, slots_ - 1);
      return send(ScaleRequested{delta});
    }
    if (dice == 97 && !calm_) {
      const uint32_t before = slots_;
      slots_ = 1 + pick(8);
      paused_ = false;
      scaled_down_by_ = before - std::min(before, slots_);
      return send(ScaleTo{slots_});
    }
    if (dice == 98 && !calm_) return send(RetireAllRequested{});
    if (dice == 99 && chance(10)) send(StopRequested{.signal = SIGTERM});
  }

  // A stop ends by its deadlines alone, though nobody but the kernel obeys.
  void finish() {
    if (exited_) return;
    const TimePoint end = now_ + 2s + kDrainTimeout + 2 * kKillGrace;  // the delay first
    send(StopRequested{.signal = SIGTERM});
    while (!exited_ && !testing::Test::HasFailure()) {
      for (const WorkerId id : killed(workers_))
        worker_gone(id, WorkerExited{id, {.signal = SIGKILL}});
      for (const Generation generation : killed(zygotes_)) {
        zygotes_.erase(generation);
        send(ZygoteExited{generation, {.signal = SIGKILL}});
      }
      if (exited_) break;
      ASSERT_TRUE(policy_.next_deadline().has_value()) << "a stop without an end";
      now_ = std::max(now_, *policy_.next_deadline());
      send(Tick{});
    }
    EXPECT_LE(now_, end);
  }

  template <class Id>
  static std::vector<Id> killed(const std::map<Id, Process>& processes) {
    std::vector<Id> ids;
    for (const auto& [id, process] : processes) {
      if (process.killed) ids.push_back(id);
    }
    return ids;
  }

  void send(const Event& event) {
    ++sent_;
    const size_t served_before = served_slots().size();
    if (std::holds_alternative<RetireAllRequested>(event)) paused_ = true;
    if (std::holds_alternative<ReloadRequested>(event)) {
      paused_ = false;
      if (policy_.next_reload()) promised_.insert(*policy_.next_reload());
    }
    for (const Effect& effect : policy_.on(now_, event)) {
      ASSERT_FALSE(exited_) << "an effect after ExitMaster";
      std::visit([this](const auto& order) { obey(order); }, effect);
    }
    check_deadlines();
    if (policy_.stopping()) return;
    check();
    const size_t lost = served_before - std::min(served_before, served_slots().size());
    EXPECT_LE(lost, may_cost(event)) << "event " << event.index();
  }

  // How many slots may have nobody ready after this event that had somebody before. A death may
  // cost its own slot and no other, even if a reload is undone for it.
  size_t may_cost(const Event& event) const {
    if (std::holds_alternative<RetireAllRequested>(event)) return slots_;
    if (const auto* scale = std::get_if<ScaleRequested>(&event)) return scale->delta < 0 ? 1 : 0;
    if (std::holds_alternative<ScaleTo>(event)) return scaled_down_by_;
    return std::holds_alternative<WorkerExited>(event) || std::holds_alternative<WorkerHung>(event);
  }

  Process& live_worker(WorkerId id) {
    EXPECT_TRUE(workers_.contains(id)) << "an order to a worker that is no more: " << id;
    return workers_[id];
  }
  void obey(const StartZygote& order) {
    ASSERT_FALSE(zygotes_.contains(order.generation));
    zygotes_[order.generation] = {.killed_by = now_ + kBootTimeout};
  }
  void obey(const StopZygote& order) {
    ASSERT_TRUE(zygotes_.contains(order.generation));
    Process& zygote = zygotes_[order.generation];
    const bool kill = order.how == ZygoteStop::kKill;
    kill ? void(zygote.killed = true) : tell_to_go(zygote, kKillGrace);
  }
  void obey(const SpawnWorker& order) {
    ASSERT_TRUE(zygotes_.contains(order.generation) && zygotes_[order.generation].ready);
    ASSERT_FALSE(zygotes_[order.generation].told_to_go || zygotes_[order.generation].killed);
    ASSERT_TRUE(order.worker > last_worker_) << "ids are never reused";
    last_worker_ = order.worker;
    workers_[order.worker] = {.generation = order.generation, .killed_by = now_ + kBootTimeout};
  }
  void obey(const DrainWorker& order) {
    EXPECT_GT(order.deadline, Duration::zero());
    EXPECT_TRUE(live_worker(order.worker).ready);
    tell_to_go(live_worker(order.worker), order.deadline + kKillGrace);
  }
  void tell_to_go(Process& process, Duration until_kill) {
    const TimePoint then = now_ + until_kill;
    process.killed_by = process.told_to_go ? std::min(process.killed_by, then) : then;
    process.told_to_go = true;
  }
  // May name an order that has just died with its zygote.
  void obey(const QuitWorker& order) {
    if (workers_.contains(order.worker)) tell_to_go(workers_[order.worker], kKillGrace);
  }
  void obey(const SignalWorker& order) {
    Process& process = live_worker(order.worker);
    EXPECT_TRUE(process.forked);
    tell_to_go(process, kKillGrace);
    process.killed = order.signal == SIGKILL;
  }
  void obey(const StartListening&) { EXPECT_FALSE(std::exchange(listening_, true)); }
  void obey(const StopListening&) { EXPECT_FALSE(std::exchange(closed_, true)); }
  void obey(const RolloutEnded& ended) {
    EXPECT_EQ(promised_.erase(ended.generation), 1u) << "one end for each reload, and no other";
    EXPECT_EQ(ended.outcome == RolloutOutcome::kCompleted, ended.reason.empty());
  }
  void obey(const LogLine&) {}
  void obey(const ExitMaster&) {
    exited_ = true;
    EXPECT_TRUE(promised_.empty()) << "a reload without an end";
    // Only what was killed, and is slow to die of it, may be left.
    for (const auto& [id, process] : workers_) EXPECT_TRUE(!process.forked || process.killed) << id;
    for (const auto& [generation, process] : zygotes_) EXPECT_TRUE(process.killed) << generation;
  }

  std::set<SlotId> served_slots() const {
    std::set<SlotId> served;
    for (const WorkerView& view : policy_.workers()) {
      if (view.state == WorkerView::State::kReady) served.insert(view.slot);
    }
    return served;
  }

  // Every state of a process has a deadline, and it is kept.
  void check_deadlines() const {
    for (const auto& [id, process] : workers_) {
      EXPECT_TRUE(!process.forked || process.killed || now_ <= process.killed_by)
          << "worker " << id;
    }
    for (const auto& [generation, process] : zygotes_) {
      EXPECT_TRUE(process.killed || now_ <= process.killed_by) << "zygote " << generation;
    }
  }

  void check() {
    const size_t served = served_slots().size();
    size_t staying = 0;
    for (const WorkerView& view : policy_.workers()) {
      staying +=
          view.state == WorkerView::State::kReady || view.state == WorkerView::State::kBooting;
      EXPECT_TRUE(workers_.contains(view.worker)) << "remembers a worker that is no more";
    }
    EXPECT_LE(staying, slots_ + surge_) << "no more than the surge above the slots";
    EXPECT_TRUE(!paused_ || staying == 0);
    if (served >= slots_) all_were_served_ = true;
    EXPECT_TRUE(!calm_ || !all_were_served_ || served >= slots_) << "replacement first";
  }

  std::mt19937_64 random_;
  bool calm_;
  uint32_t surge_;
  uint32_t slots_;
  Policy policy_;
  TimePoint now_{std::chrono::hours(1)};
  std::map<WorkerId, Process> workers_;
  std::map<Generation, Process> zygotes_;
  std::set<Generation> promised_;  // reloads that were asked for
  uint32_t scaled_down_by_ = 0;    // by the last ScaleTo
  WorkerId last_worker_ = 0;
  bool paused_ = false;
  bool listening_ = false;
  bool closed_ = false;
  bool exited_ = false;
  bool all_were_served_ = false;
  int sent_ = 0;
};

// Calm or wild, and how many slots may be in motion.
class PolicyModel : public testing::TestWithParam<std::tuple<bool, uint32_t>> {};

TEST_P(PolicyModel, InvariantsHold) {
  const auto [calm, surge] = GetParam();
  int events = 0;
  const int round =
      GTEST_FLAG_GET(random_seed) == 0 ? 0 : testing::UnitTest::GetInstance()->random_seed();
  for (uint64_t seed = 1 + 1000 * static_cast<uint64_t>(round);
       events < kEvents / kWorlds && !HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    World world(seed, calm, surge);
    world.run(2000);
    events += world.sent();
  }
}

INSTANTIATE_TEST_SUITE_P(CalmAndWild, PolicyModel,
                         testing::Combine(testing::Bool(), testing::Range(1u, 5u)),
                         [](const auto& test) {
                           return fmt::format("{}Surge{}",
                                              std::get<0>(test.param) ? "Calm" : "Wild",
                                              std::get<1>(test.param));
                         });

}  // namespace
}  // namespace tricorn
