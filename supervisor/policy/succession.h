// Succession: the hand-over of a server (USR2), as the new master decides it. Pure; the other side
// is Upgrade.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/logging.h"

namespace tricorn {

// --- events: what happened ---
struct ReadinessSeen {     // may be said again and again
  bool all_ready = false;  // our workers
};
struct ChargeReceived {};      // the old master handed over
struct ChargeAskedBack {};     // it undoes the upgrade
struct Dismissed {             // it calls the upgrade off, or hurries us at its end
  bool service_stops = false;  // it stops, too
};
struct PredecessorGone {};
struct SuccessionStopBegan {};  // of this master: it serves no longer
struct SuccessionTick {};

using SuccessionEvent = std::variant<ReadinessSeen, ChargeReceived, ChargeAskedBack, Dismissed,
                                     PredecessorGone, SuccessionStopBegan, SuccessionTick>;

// --- effects: what to do ---
struct SayReady {};
struct AssumeCharge {};   // files are ours, and we speak to the service manager
struct AssumeFiles {};    // we were about to stop, and nobody else is left to remove them
struct ReturnCharge {     // they are the old master's again, and it is told
  bool stopping = false;  // that we were asked to stop, too
};
struct StopForPredecessor {    // may come twice
  bool service_stops = false;  // else it serves, and our clients go back to it
};
struct SuccessionLog {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

using SuccessionEffect = std::variant<SayReady, AssumeCharge, AssumeFiles, ReturnCharge,
                                      StopForPredecessor, SuccessionLog>;

class Succession {
 public:
  enum class State {
    kAlone,      // nobody's successor, or not any more
    kCandidate,  // the old master is in charge
    kInCharge,   // the old master is there still, for an undo
    kStopping,
  };

  // `canary_window`: how long all workers must have been ready.
  Succession(bool has_predecessor, Duration canary_window)
      : canary_window_(canary_window),
        state_(has_predecessor ? State::kCandidate : State::kAlone) {}

  std::vector<SuccessionEffect> on(TimePoint now, const SuccessionEvent& event);
  std::optional<TimePoint> next_deadline() const { return proven_at_; }
  State state() const { return state_; }

 private:
  using Effects = std::vector<SuccessionEffect>;

  void handle(Effects& effects, const ReadinessSeen& event);
  void handle(Effects& effects, const ChargeReceived&);
  void handle(Effects& effects, const ChargeAskedBack&);
  void handle(Effects& effects, const Dismissed& event);
  void handle(Effects& effects, const PredecessorGone&);
  void handle(Effects& effects, const SuccessionStopBegan&);
  void handle(Effects& effects, const SuccessionTick&);

  const Duration canary_window_;
  State state_;
  bool said_ready_ = false;
  bool returned_ = false;               // the charge
  std::optional<TimePoint> proven_at_;  // unless a worker is lost before
  TimePoint now_{};
};

}  // namespace tricorn
