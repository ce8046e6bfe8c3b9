// Handover: carries out what Upgrade and Succession decide. Starts the new master and hears from
// it, passes on sockets and pid file, or is such a new master's end of it.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "supervisor/child_process.h"
#include "supervisor/os/bind_sockets.h"
#include "supervisor/os/pid_file.h"
#include "supervisor/os/process_ops.h"
#include "supervisor/policy/policy.h"
#include "supervisor/policy/succession.h"
#include "supervisor/policy/upgrade.h"
#include "supervisor/service_status.h"

namespace tricorn {

class Handover {
 public:
  struct Parts {
    PidFile pid_file;
    Inheritance inheritance;  // of a new master
    std::function<Result<pid_t>(int link_fd)> launch;
    UpgradeLimits limits;
  };
  // What there is one of in this master. All outlive the Handover.
  struct Service {
    BindSockets& sockets;
    ServiceStatus& status;
    const std::string& control_path;  // of the control socket; "": there is none
    std::function<void(Event)> feed;  // to the policy
    std::function<void()> reload;
    // Opens or closes the control socket: only the master in charge is steered by it.
    std::function<void(bool open)> steer = [](bool) {};
  };

  Handover(EventLoop& loop, Parts parts, Service service, Duration canary_window);

  void upgrade_asked(const Policy& policy);  // USR2
  void hang_up();                            // HUP: an undo, or else a reload
  // Call before the policy hears of it.
  void stop_asked(int signal);
  // Call when this master ceases to serve, before its sockets are closed: files that go back to the
  // old master are not to go with them.
  void stop_begins();
  // Call after every event of the policy.
  void update(const Policy& policy);
  // Whether the exit was the new master's.
  bool claims(const ReapedChild& child);

  // Whether another master is in charge; this one is to change nothing then.
  bool successor_serves() const { return upgrade_.successor_serves(); }
  // Whether this master was never in charge, and the old one is.
  bool candidate() const { return succession_.state() == Succession::State::kCandidate; }
  int exit_code() const { return upgrade_.exit_code(); }
  bool may_exit() const { return upgrade_.may_exit(); }

 private:
  void happened(std::variant<UpgradeEvent, SuccessionEvent> event);
  void rearm_timer();
  std::string refusal(const Policy& policy) const;

  // The old master's side.
  void perform(const LaunchSuccessor&);
  void perform(const HandOverCharge&);
  void perform(const RetireOwnWorkers&);
  void perform(const BringBackOwnWorkers&);
  void perform(const AskChargeBack&);
  void perform(const TakeChargeBack&);
  void perform(const DismissSuccessor& effect);
  void perform(const SignalSuccessor& effect);
  void perform(const LeaveService&);
  void perform(const StopService&);
  void perform(const ReloadOwn&);
  void perform(const UpgradeLog& effect);
  Result<> launch();
  void hear_successor(const HandoverMessage& message);

  // The new master's side.
  void perform(const SayReady&);
  void perform(const AssumeCharge&);
  void perform(const AssumeFiles&);
  void perform(const ReturnCharge& effect);
  void perform(const StopForPredecessor& effect);
  void perform(const SuccessionLog& effect);
  void hear_predecessor(const HandoverMessage& message);

  void say(HandoverMessage message);

  EventLoop& loop_;
  Parts parts_;
  Service service_;
  Upgrade upgrade_;
  Succession succession_;
  std::optional<HandoverLink> link_;  // to the other master
  SignalTarget successor_;
  HandoverMessage inherited_;            // the new master's "ready": what it took
  std::optional<PidFile> old_pid_file_;  // names this master while another is in charge
  pid_t predecessor_ = 0;
  bool served_once_ = false;
  bool stop_told_ = false;
  std::deque<std::variant<UpgradeEvent, SuccessionEvent>> inbox_;
  bool dispatching_ = false;
  Timer deadline_;
};

}  // namespace tricorn
