// Policy::State: the parts of the state machine and the rules that tie them together. Private to
// this folder.
//
// on() takes one event, then what has expired, then reconcile() does whatever has become possible:
// it fills empty slots, moves replacements on, stops zygotes nobody needs. An event handler
// therefore only records facts.
//   policy.cc            dispatch, deadlines, views        policy_workers.cc   a worker's events,
//   and losing one policy_zygotes.cc    a zygote's events                 policy_requests.cc  what
//   the operator asks for, the stop policy_reconcile.cc  respawns, replacements, the roll
#pragma once

#include <string>
#include <vector>

#include "common/log_rate_limit.h"
#include "supervisor/policy/policy.h"
#include "supervisor/policy/restart_backoff.h"
#include "supervisor/policy/rollout.h"
#include "supervisor/policy/shutdown.h"
#include "supervisor/policy/turn.h"
#include "supervisor/policy/worker_slot.h"
#include "supervisor/policy/worker_table.h"
#include "supervisor/policy/zygote_table.h"

namespace tricorn {

// How a worker or zygote that was needed was lost.
struct Loss {
  std::string what;       // after its name: "killed by signal 9 (SIGKILL)"
  std::string traceback;  // "" when there is none
  int exit_code =
      kExitAppStart;  // the master's, if this ends it: the first boot, or a crash that is to
};

// The traceback as the end of a log line, on lines of its own.
inline std::string below(const std::string& traceback) {
  return traceback.empty() ? "" : "\n" + traceback;
}

class Policy::State {
 public:
  enum class Phase { kIdle, kFirstBoot, kServing, kStopping, kGone };

  State(const PolicyOptions& options, uint64_t jitter_seed);

  std::vector<Effect> on(TimePoint now, const Event& event);
  std::optional<TimePoint> next_deadline() const;
  std::vector<WorkerView> workers() const;
  size_t slot_count() const { return slots_.size(); }
  Generation serving_generation() const { return serving_generation_; }
  const std::string& reload_failure() const { return reload_failure_; }
  bool stopping() const { return phase_ == Phase::kStopping || phase_ == Phase::kGone; }
  bool delaying_stop() const { return shutdown_.level() == StopLevel::kDelay; }
  bool rolling() const { return rollout_.active(); }
  bool retired() const { return paused_; }
  std::vector<SlotView> slots() const;
  std::optional<Generation> next_reload() const;
  bool all_ready() const;
  const LossCounts& losses() const { return losses_; }

 private:
  // policy_requests.cc
  void handle(Turn& turn, const Started&);
  void handle(Turn& turn, const ReloadRequested&);
  void handle(Turn& turn, const StopRequested& event);
  void handle(Turn& turn, const ScaleRequested& event);
  void handle(Turn& turn, const ScaleTo& event);
  void handle(Turn& turn, const RetireAllRequested&);
  void handle(Turn& turn, const BringBackRequested&);
  void unpause(Turn& turn);
  void add_slot(Turn& turn);
  void remove_slot(Turn& turn);
  void fail_first_boot(Turn& turn, const std::string& who, const Loss& loss);
  void wait_for_repair(Turn& turn);
  void end_first_boot(Turn& turn, RolloutOutcome outcome, const std::string& reason = "",
                      const std::string& traceback = "");
  void drop_outdated_code(Turn& turn);
  bool takes_orders() const;
  void begin_delay(Turn& turn);
  void begin_stop(Turn& turn);
  void apply_stop_level(Turn& turn);
  void finish_stop(Turn& turn);

  // policy_zygotes.cc
  void handle(Turn& turn, const ZygoteReady& event);
  void handle(Turn& turn, const ZygoteFailed& event);
  void handle(Turn& turn, const ZygoteHasThreads& event);
  void handle(Turn& turn, const ZygoteExited& event);
  void zygote_lost(Turn& turn, const Zygote& zygote, const Loss& loss);
  void drop_unreported_spawns(Turn& turn, Generation generation);
  void zygote_expired(Turn& turn, Generation generation);
  bool zygote_needed(Generation generation) const;
  void stop_needless_zygotes(Turn& turn);

  // policy_workers.cc
  void handle(Turn& turn, const WorkerSpawned& event);
  void handle(Turn& turn, const WorkerSpawnFailed& event);
  void handle(Turn& turn, const WorkerReady& event);
  void handle(Turn& turn, const WorkerBootFailed& event);
  void handle(Turn& turn, const WorkerExited& event);
  void handle(Turn& turn, const WorkerRetireWish& event);
  void handle(Turn& turn, const WorkerHung& event);
  void handle(Turn&, const Tick&) {}
  Worker* find_worker(Turn& turn, WorkerId id);
  void worker_expired(Turn& turn, WorkerId id);
  void boot_expired(Turn& turn, Worker& worker);
  void unreported_expired(Turn& turn, Worker& worker);
  void give_up(Turn& turn, const Worker& worker);
  std::string explain_end(const Worker& worker, const WorkerExited& event);
  void worker_lost(Turn& turn, const Worker& worker, const Loss& loss);
  void try_new_code_again(Turn& turn, const Worker& worker, const Loss& loss);
  void stop_after_crash(Turn& turn, const Worker& worker, const Loss& loss);
  void log_crash(Turn& turn, const RestartBackoff& backoff, LogLevel level, std::string text);
  bool in_motion(const Worker& worker) const;
  Duration leave_slot(Turn& turn, const Worker& worker);

  // policy_reconcile.cc
  void reconcile(Turn& turn);
  void start_due_roll(Turn& turn);
  void fill_empty_slots(Turn& turn);
  void advance_motions(Turn& turn);
  std::optional<SlotId> next_to_replace(TimePoint now) const;
  void end_complete_roll(Turn& turn);
  void take_over(Turn& turn, WorkerSlot& slot);
  void finish_roll(Turn& turn);
  void abort_roll(Turn& turn, const std::string& reason, const std::string& traceback);
  void cancel_roll(Turn& turn, const std::string& reason);
  void undo_roll(Turn& turn);
  bool serves_alone(const WorkerSlot& slot) const;
  void cancel_motion(Turn& turn, WorkerSlot& slot);
  bool can_respawn(const WorkerSlot& slot) const;
  bool may_begin_motion() const;
  bool can_replace(const WorkerSlot& slot) const;
  bool needs_replacement(const WorkerSlot& slot) const;
  Generation respawn_generation(const WorkerSlot& slot) const;
  Generation replacement_generation() const;

  const PolicyOptions options_;
  Jitter jitter_;
  LogRateLimit crash_log_;
  Phase phase_ = Phase::kIdle;
  WorkerTable workers_;
  ZygoteTable zygotes_;
  std::vector<WorkerSlot> slots_;
  Rollout rollout_;
  Shutdown shutdown_;
  LossCounts losses_;
  Generation serving_generation_ = 0;  // respawns come from its zygote
  Generation last_generation_ = 0;
  std::string reload_failure_;     // of the last reload
  bool paused_ = false;            // all workers were retired on request
  bool awaits_repair_ = false;     // the first boot failed; a reload begins it anew
  bool first_boot_asked_ = false;  // as a reload, by somebody who may wait for its end
  bool all_ready_logged_ = false;
  TimePoint now_{};  // of the last event
};

}  // namespace tricorn
