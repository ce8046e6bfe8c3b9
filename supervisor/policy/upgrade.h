// Upgrade: the hand-over of a server to a new master (USR2), as the old master decides it. Pure,
// like Policy.
//
//   none ─USR2─> starting ─ready─> handed over ─window passed, TERM─> leaving (the new one stays)
//     ^             │ failed            HUP│ ^ undo failed
//     │<────────────┘                      v │
//     └─new one gone─ dismissing <─ returning <─own workers ready─ taking back
//
// One master is in charge at any time: it owns the pid file and the socket files, and speaks to the
// service manager. Until `handed over` and from `dismissing` on that is this one. A new master that
// dies while this one is there costs no request more than a worker that dies: this one takes over
// again.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "supervisor/policy/policy_types.h"

namespace tricorn {

struct UpgradeLimits {
  // Until all workers of the new master are ready, or ours at an undo.
  Duration start = milliseconds(120'000);
  Duration undo_window = milliseconds(300'000);  // from the hand-over to our leaving
  Duration answer = milliseconds(10'000);        // for giving the charge back
  Duration dismissal = milliseconds(31'000);     // for its end, unless it says how long
};

// --- events: what happened ---
struct UpgradeAsked {   // USR2
  std::string refusal;  // why it cannot be; "": it can
};
struct UndoAsked {};  // HUP
struct SuccessorNotStarted {
  std::string reason;
};
struct SuccessorReady {};  // its workers have been ready for a while
// It was in charge, stops, and gave back the charge. `limit`: within which it will have ended.
struct SuccessorStopping {
  std::optional<Duration> limit;
};
struct SuccessorGaveBack {  // it is not in charge any more, and leaves
  std::optional<Duration> limit;
};
struct SuccessorExited {
  ExitStatus status;
};
struct OwnWorkersReady {};  // all of them, once more
struct OwnStopBegan {
  int signal = 0;  // that asked for it; 0: none did
};
struct UpgradeTick {};

using UpgradeEvent =
    std::variant<UpgradeAsked, UndoAsked, SuccessorNotStarted, SuccessorReady, SuccessorStopping,
                 SuccessorGaveBack, SuccessorExited, OwnWorkersReady, OwnStopBegan, UpgradeTick>;

// --- effects: what to do ---
struct LaunchSuccessor {};
struct HandOverCharge {};  // the new master is the service from now on
struct RetireOwnWorkers {};
struct BringBackOwnWorkers {};
struct AskChargeBack {};  // the new master answers with SuccessorGaveBack
struct TakeChargeBack {};
struct DismissSuccessor {      // it is to stop: clients come back to us
  bool service_stops = false;  // unless we stop, too
};
struct SignalSuccessor {
  int signal = 0;
};
struct LeaveService {};  // this master stops; the new one serves
struct StopService {};   // this master stops, with the new one
struct ReloadOwn {};     // the HUP was none for us
struct UpgradeLog {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

using UpgradeEffect =
    std::variant<LaunchSuccessor, HandOverCharge, RetireOwnWorkers, BringBackOwnWorkers,
                 AskChargeBack, TakeChargeBack, DismissSuccessor, SignalSuccessor, LeaveService,
                 StopService, ReloadOwn, UpgradeLog>;

class Upgrade {
 public:
  enum class State {
    kNone,
    kStarting,    // the new master boots
    kHandedOver,  // the new one is in charge; this one has no workers and waits for an undo
    kTakingBack,  // undo: own workers boot; the new one is in charge and serves
    kReturning,   // the new one was asked for the charge
    kDismissing,  // the new one is on its way out
    kLeaving,     // this one is on its way out
  };

  explicit Upgrade(const UpgradeLimits& limits) : limits_(limits) {}

  std::vector<UpgradeEffect> on(TimePoint now, const UpgradeEvent& event);
  // Send UpgradeTick then; nullopt: nothing is due.
  std::optional<TimePoint> next_deadline() const { return deadline_; }

  State state() const { return state_; }
  // Whether clients of this master's workers will find the new one when they come back.
  bool successor_serves() const;
  // What a stop of this master ends with if it has no other code: that of the new master with which
  // it stops, since a service manager may look at this one.
  int exit_code() const { return exit_code_; }
  // Whether nobody is left whose end this master has to see.
  bool may_exit() const { return state_ != State::kStarting && state_ != State::kDismissing; }

 private:
  using Effects = std::vector<UpgradeEffect>;

  void handle(Effects& effects, const UpgradeAsked& event);
  void handle(Effects& effects, const UndoAsked&);
  void handle(Effects& effects, const SuccessorNotStarted& event);
  void handle(Effects& effects, const SuccessorReady&);
  void handle(Effects& effects, const SuccessorStopping& event);
  void handle(Effects& effects, const SuccessorGaveBack& event);
  void handle(Effects& effects, const SuccessorExited& event);
  void handle(Effects& effects, const OwnWorkersReady&);
  void handle(Effects& effects, const OwnStopBegan& event);
  void handle(Effects& effects, const UpgradeTick&);
  void go(State state, std::optional<Duration> limit);
  void dismiss(Effects& effects);
  void stop_successor(Effects& effects, int signal, bool repeated);
  void expire(Effects& effects);

  const UpgradeLimits limits_;
  State state_ = State::kNone;
  std::optional<TimePoint> deadline_;
  bool stop_asked_ = false;  // of us, by a signal
  bool joint_stop_ = false;  // the new one's stop was the service's
  int exit_code_ = kExitOk;
  TimePoint now_{};  // of the event
};

// What became of a new master that was never in charge: "ended with exit code 2: its options are
// wrong".
std::string describe_failed_start(const ExitStatus& status);

}  // namespace tricorn
