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

#include "supervisor/os/bind_sockets.h"
#include "supervisor/os/oom_kills.h"
#include "supervisor/os/signals.h"
#include "supervisor/policy/policy.h"
#include "supervisor/policy/rss_watch.h"
#include "supervisor/process_table.h"
#include "supervisor/reload.h"
#include "supervisor/service_status.h"
#include "supervisor/stack_requests.h"

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
  };

  // All that is passed by reference outlives it. The master's signals are blocked already.
  static Result<std::unique_ptr<Runner>> create(EventLoop& loop, Scoreboard& scoreboard,
                                                BindSockets sockets, Notifier notifier,
                                                Parts parts);
  // Serves until the policy ends it. Returns the process's exit code.
  int run();

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

  // operator.cc: what signals ask for
  void on_signal(int signal);
  void reload();
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
  void perform(const LogLine& effect);
  void perform(const ExitMaster& effect);

  EventLoop& loop_;
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
  std::unique_ptr<SignalSource> signals_;
  Timer deadline_;
  Timer heartbeat_timer_;
  Timer rss_timer_;
  Timer watchdog_timer_;
  std::deque<Event> inbox_;
  bool feeding_ = false;
  bool banner_shown_ = false;
  bool listen_failed_ = false;
  int exit_code_ = kExitOk;
};

}  // namespace tricorn
