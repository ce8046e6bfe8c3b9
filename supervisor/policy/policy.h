// Policy: every decision of supervision, as a pure state machine. Decides; never acts.
//
// The Runner feeds it events and carries out the effects in order. No syscall, no clock, no randomness: time is an
// argument, jitter comes from a seeded generator. Every state has a deadline, so a stop always ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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
  // A reload's first new worker must live this long beside the old one before it takes over. The next slots do not
  // wait, so that a reload of many workers is quick; but a new worker that dies this young still aborts it.
  Duration canary_window = milliseconds(1'000);
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
  Generation serving_generation() const;
  bool stopping() const;  // no longer to be sent requests; it may serve still, for the shutdown delay
  bool rolling() const;
  const LossCounts& losses() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tricorn
