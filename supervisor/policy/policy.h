// Policy: every decision of supervision, as a pure state machine. Decides; never acts.
//
// The Runner feeds it events and carries out the effects in order. No syscall, no clock, no randomness: time is an
// argument, jitter comes from a seeded generator. Every state has a deadline, so a stop always ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "supervisor/policy/policy_types.h"

namespace tricorn {

struct PolicyOptions {
  uint32_t workers = 1;
  bool preload = false;
  Duration boot_timeout = milliseconds(60'000);       // spawn to ready; also zygote start to ready
  Duration drain_timeout = milliseconds(30'000);      // drain to exit, then the worker is killed
  Duration shutdown_delay{};                          // from the request to stop to the drain: serving goes on
  Duration kill_grace = milliseconds(1'000);          // from the drain deadline (or a signal) to SIGKILL
  Duration death_grace = milliseconds(10'000);        // from SIGKILL to giving up: much memory takes its time
  // A reload's first new worker must live this long beside the old one before it takes over. The next slots do not
  // wait, so that a reload of many workers is quick; but the second new worker that dies this young aborts it.
  Duration canary_window = milliseconds(1'000);
  bool waits_for_repair = false;                      // an app that does not start ends nothing: a reload tries again
  bool newest_reload_wins = false;                    // one that comes before the canary serves: it is not waited for
  DrainMode retire_mode = DrainMode::kRetire;         // how a worker goes whose successor serves
  uint32_t max_surge = 1;                             // slots in motion at once; one while the canary is out
  bool exit_on_worker_crash = false;                  // of one that was ready: stop, with its exit code
  Duration worker_lifetime{};                         // from ready to being replaced; zero: no end
  double lifetime_jitter = 0.1;                       // +- this share of it, each worker its own
  Duration backoff_first = milliseconds(100);
  Duration backoff_max = milliseconds(30'000);
  Duration backoff_settled_after = milliseconds(1'000);  // ready this long: its first crash is answered at once
  Duration backoff_reset_after = milliseconds(60'000);   // ready this long: the slot's backoff starts over
  double backoff_jitter = 0.2;                           // +- this share of the delay
};

// How a slot's workers were lost: those that were needed, not those that were replaced in good order.
struct SlotHistory {
  uint32_t losses = 0;
  std::string last_loss;  // "killed by signal 9 (SIGKILL)"; "" when none was
  std::string last_traceback;
};

// One worker process as status and tests see it.
struct WorkerView {
  WorkerId worker = 0;
  SlotId slot = 0;
  Generation generation = 0;
  enum class State {
    kBooting,
    kReady,
    kRetiring,  // told to drain
    kQuitting,  // told to quit, or reported that its boot failed
    kAborted,   // sent SIGABRT: shows its stacks and dies
    kKilled,    // sent SIGKILL
  } state = State::kBooting;
  std::optional<int32_t> pid;  // once its zygote has told
  TimePoint spawned_at{};
};

// One slot as status sees it.
struct SlotView {
  bool serves = false;                // its worker is ready
  std::optional<TimePoint> retry_at;  // empty: no earlier than then it is filled
  SlotHistory history;
};

// How workers were lost since the start, for status.
struct LossCounts {
  uint64_t crashed = 0;        // ended by themselves after they were ready
  uint64_t out_of_memory = 0;  // killed by the kernel for want of memory
  uint64_t hung = 0;           // aborted: no heartbeat
  uint64_t not_started = 0;    // failed, died or were too slow before they were ready
  bool operator==(const LossCounts&) const = default;
};

class Policy {
 public:
  Policy(const PolicyOptions& options, uint64_t jitter_seed);
  ~Policy();

  std::vector<Effect> on(TimePoint now, const Event& event);
  // The Runner sleeps until then at most, and then sends Tick. nullopt: nothing is due.
  std::optional<TimePoint> next_deadline() const;

  // For status, process titles and tests.
  std::vector<WorkerView> workers() const;
  size_t slot_count() const;  // of workers that there are to be; 0 at a stop
  Generation serving_generation() const;
  const std::string& reload_failure() const;  // why the last reload was abandoned; "": it was not
  bool stopping() const;  // no longer to be sent requests; it may serve still, for the shutdown delay
  bool rolling() const;
  bool retired() const;  // all workers were, on request
  std::vector<SlotView> slots() const;
  // The generation that a reload asked for now would roll out, now or after the one in progress; its RolloutEnded
  // follows. nullopt: none would begin, the server stops.
  std::optional<Generation> next_reload() const;
  bool all_ready() const;  // every slot has a worker that serves
  const LossCounts& losses() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tricorn
