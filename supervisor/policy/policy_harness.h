// PolicyHarness: drives a Policy in tests. Time stands still unless told; effects are collected as
// short words.
//
//   PolicyHarness h({.workers = 2});
//   h.boot().kill(1);
//   EXPECT_EQ(h.actions(), "spawn 3 in 0 of 1");
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/policy/policy.h"

namespace tricorn {

inline std::string to_word(const Effect& effect) {
  struct Words {
    std::string operator()(const StartZygote& e) {
      return fmt::format("{}zygote {}", e.preload ? "" : "plain ", e.generation);
    }
    std::string operator()(const StopZygote& e) {
      const char* const words[] = {"stop", "abort", "kill"};
      return fmt::format("{} zygote {}", words[static_cast<int>(e.how)], e.generation);
    }
    std::string operator()(const SpawnWorker& e) {
      return fmt::format("spawn {} in {} of {}", e.worker, e.slot, e.generation);
    }
    std::string operator()(const DrainWorker& e) {
      return fmt::format("{} {}", e.mode == DrainMode::kRetire ? "retire" : "drain", e.worker);
    }
    std::string operator()(const QuitWorker& e) { return fmt::format("quit {}", e.worker); }
    std::string operator()(const SignalWorker& e) {
      return fmt::format("{} {}", e.signal == SIGKILL ? "kill" : "abort", e.worker);
    }
    std::string operator()(const StartListening&) { return "listen"; }
    std::string operator()(const StopListening&) { return "unlisten"; }
    std::string operator()(const RolloutEnded&) { return ""; }
    std::string operator()(const LogLine&) { return ""; }
    std::string operator()(const ExitMaster& e) { return fmt::format("exit {}", e.code); }
  };
  return std::visit(Words{}, effect);
}

class PolicyHarness {
 public:
  explicit PolicyHarness(const PolicyOptions& options = {})
      : options_(options), policy_(options, 1) {}

  PolicyHarness& send(const Event& event) {
    for (const Effect& effect : policy_.on(now_, event)) {
      if (const auto* line = std::get_if<LogLine>(&effect)) {
        lines_.emplace_back(*line);
        continue;
      }
      if (const auto* ended = std::get_if<RolloutEnded>(&effect)) {
        ended_.emplace_back(*ended);
        continue;
      }
      if (const auto* spawn = std::get_if<SpawnWorker>(&effect)) spawned_.push_back(*spawn);
      actions_ += (actions_.empty() ? "" : ", ") + to_word(effect);
    }
    return *this;
  }
  // Time passes, with a Tick at each deadline on the way.
  PolicyHarness& pass(Duration duration) {
    const TimePoint end = now_ + duration;
    while (policy_.next_deadline() && *policy_.next_deadline() <= end) {
      now_ = std::max(now_, *policy_.next_deadline());
      send(Tick{});
    }
    now_ = end;
    return *this;
  }
  PolicyHarness& tick_at_deadline() {
    now_ = policy_.next_deadline().value();
    return send(Tick{});
  }

  PolicyHarness& fork(WorkerId worker) { return send(WorkerSpawned{worker, pid(worker)}); }
  PolicyHarness& up(WorkerId worker) { return fork(worker).send(WorkerReady{worker}); }
  PolicyHarness& kill(WorkerId worker) { return send(WorkerExited{worker, {.signal = SIGKILL}}); }
  PolicyHarness& exit(WorkerId worker, int code = 0) {
    return send(WorkerExited{worker, {.code = code}});
  }
  PolicyHarness& boot_fails(WorkerId worker, std::string traceback = "Traceback") {
    return fork(worker).send(
        WorkerBootFailed{worker, {BootFailureKind::kImport, std::move(traceback)}});
  }
  PolicyHarness& zygote_ready(Generation generation) { return send(ZygoteReady{generation}); }

  // Zygote 1 ready, workers 1..N of slots 0..N-1 ordered.
  PolicyHarness& order_all() { return send(Started{}).zygote_ready(1); }
  // Workers 1..N ready and settled; what led here is forgotten.
  PolicyHarness& boot() {
    order_all();
    for (WorkerId worker = 1; worker <= options_.workers; ++worker) up(worker);
    pass(options_.backoff_settled_after);
    forget();
    return *this;
  }
  PolicyHarness& forget() {
    actions_.clear();
    lines_.clear();
    return *this;
  }

  // What was decided since the last call, without the log.
  std::string actions() { return std::exchange(actions_, {}); }
  std::vector<std::string> lines(LogLevel at_least) const {
    std::vector<std::string> texts;
    for (const LogLine& line : lines_) {
      if (line.level >= at_least) texts.push_back(line.text);
    }
    return texts;
  }
  // Reloads that ended since the last call: "2 completed, 3 aborted".
  std::string rollouts() {
    constexpr std::string_view kOutcomes[] = {"completed", "aborted", "cancelled"};
    std::string text;
    for (const RolloutEnded& ended : std::exchange(ended_, {})) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", ended.generation,
                          kOutcomes[static_cast<int>(ended.outcome)]);
    }
    return text;
  }
  const RolloutEnded& last_rollout() const { return ended_.back(); }
  bool logged(std::string_view part) const {
    for (const LogLine& line : lines_) {
      if (line.text.find(part) != std::string::npos) return true;
    }
    return false;
  }
  static int32_t pid(WorkerId worker) { return 100 + static_cast<int32_t>(worker); }
  WorkerId newest() const { return spawned_.back().worker; }
  size_t spawn_count() const { return spawned_.size(); }
  // "R1 B1": state letter and generation of each live worker, by age.
  std::string roster() const {
    std::string text;
    for (const WorkerView& view : policy_.workers()) {
      text += (text.empty() ? "" : " ") +
              fmt::format("{}{}", "BRDQAK"[static_cast<int>(view.state)], view.generation);
    }
    return text;
  }
  TimePoint now() const { return now_; }
  Policy& policy() { return policy_; }

 private:
  PolicyOptions options_;
  Policy policy_;
  TimePoint now_{std::chrono::hours(1)};
  std::string actions_;
  std::vector<LogLine> lines_;
  std::vector<SpawnWorker> spawned_;
  std::vector<RolloutEnded> ended_;
};

}  // namespace tricorn
