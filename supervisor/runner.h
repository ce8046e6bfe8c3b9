// Runner: the master's loop. Turns what happens into events, asks the Policy, carries out its
// effects.
//
// Single-threaded. Nothing here blocks, sleeps or joins: every wait is the policy's deadline on one
// timer.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/handover.h"
#include "supervisor/os/bind_sockets.h"
#include "supervisor/os/oom_kills.h"
#include "supervisor/os/signals.h"
#include "supervisor/policy/policy.h"
#include "supervisor/policy/rss_watch.h"
#include "supervisor/process_table.h"
#include "supervisor/reload.h"
#include "supervisor/service_status.h"
#include "supervisor/stack_requests.h"
#include "supervisor/steering_desk.h"

namespace tricorn {

class Runner {
 public:
  struct Parts {
    PolicyOptions policy;
    uint64_t jitter_seed = 0;
    Duration heartbeat_limit = std::chrono::seconds(60);  // zero: none
    RssLimit rss_limit;
    std::string cgroup_root;  // before /proc and /sys, for tests
    ZygotePlan plan;
    ZygoteLauncher launch = launch_zygote;
    std::function<Result<Reloaded>()> reread_config;  // for SIGHUP
    std::string control_path;                         // of the control socket; "": none
    std::optional<ListenSocket> control_socket;       // none yet, where an old master has it
    Handover::Parts handover;
  };

  // All that is passed by reference outlives it. The master's signals are blocked already.
  static Result<std::unique_ptr<Runner>> create(EventLoop& loop, Scoreboard& scoreboard,
                                                BindSockets sockets, Notifier notifier,
                                                Parts parts);
  // Serves until the policy ends it. Returns the process's exit code.
  int run();
  // Configuration and code, as SIGHUP asks for it. An Error: nothing was begun, and why.
  Result<> reload();

 private:
  Runner(EventLoop& loop, Scoreboard& scoreboard, BindSockets sockets, Notifier notifier,
         Parts parts);

  void feed(Event event);
  void forget_old_plans();
  void rearm_timer();
  void check_heartbeats();
  void check_rss();
  Event with_cause(Event event);
  void show_banner(const std::string& python);

  // steer.cc: the control socket
  SteeringDesk::Server steered();
  void steer(bool open);
  StatusReport status_report() const;

  // operator.cc: what signals ask for
  void on_signal(int signal);
  void stop(const StopRequested& request);
  void reopen_logs();
  void scale_to(uint32_t workers);

  // effects.cc
  void perform(const StartZygote& effect);
  void perform(const StopZygote& effect);
  void perform(const SpawnWorker& effect);
  void perform(const DrainWorker& effect);
  void perform(const QuitWorker& effect);
  void perform(const SignalWorker& effect);
  void perform(const StartListening& effect);
  void perform(const StopListening& effect);
  void perform(const RolloutEnded& effect);
  void perform(const LogLine& effect);
  void perform(const ExitMaster& effect);
  void exit_if_possible();

  EventLoop& loop_;
  Scoreboard& scoreboard_;
  Parts parts_;
  BindSockets sockets_;
  ServiceStatus status_;
  Policy policy_;
  HeartbeatWatch heartbeats_;
  RssWatch rss_;
  OomKills oom_kills_;
  std::map<Generation, ZygotePlan> plans_;  // of the generations that may still need a zygote
  ProcessTable processes_;
  StackRequests stack_requests_;
  Handover handover_;
  SteeringDesk desk_;
  const TimePoint started_at_ = monotonic_now();
  std::string python_;  // as the newest zygote calls it
  std::unique_ptr<SignalSource> signals_;
  Timer deadline_;
  Timer steer_retry_;
  Timer heartbeat_timer_;
  Timer rss_timer_;
  Timer oom_timer_;
  Timer watchdog_timer_;
  std::deque<Event> inbox_;
  bool feeding_ = false;
  bool banner_shown_ = false;
  bool listen_failed_ = false;
  bool unsteered_ = false;  // the control socket could not be opened
  bool exiting_ = false;
  int exit_code_ = kExitOk;
};

}  // namespace tricorn
