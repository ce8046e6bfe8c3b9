// The new master's side of a hand-over: each event, by the state that it meets.
#include "supervisor/policy/succession.h"

namespace tricorn {

std::vector<SuccessionEffect> Succession::on(TimePoint now, const SuccessionEvent& event) {
  now_ = now;
  Effects effects;
  std::visit([&](const auto& happened) { handle(effects, happened); }, event);
  return effects;
}

void Succession::handle(Effects&, const ReadinessSeen& event) {
  if (state_ != State::kCandidate || said_ready_) return;
  if (!event.all_ready) {
    proven_at_.reset();
  } else if (!proven_at_) {
    proven_at_ = now_ + canary_window_;
  }
}

void Succession::handle(Effects& effects, const SuccessionTick&) {
  if (!proven_at_ || now_ < *proven_at_) return;
  proven_at_.reset();
  said_ready_ = true;
  effects.emplace_back(SayReady{});
}

void Succession::handle(Effects& effects, const ChargeReceived&) {
  if (state_ == State::kStopping && !returned_) {  // our stop has crossed it
    effects.emplace_back(ReturnCharge{});
    returned_ = true;
  }
  if (state_ != State::kCandidate) return;
  state_ = State::kInCharge;
  effects.emplace_back(AssumeCharge{});
}

// We are the only one left, ready or not.
void Succession::handle(Effects& effects, const PredecessorGone&) {
  if (state_ == State::kCandidate) {
    effects.emplace_back(
        SuccessionLog{LogLevel::kWarning, "the old master is gone before it handed over"});
    effects.emplace_back(AssumeCharge{});
  }
  if (state_ == State::kStopping && returned_) effects.emplace_back(AssumeFiles{});
  if (state_ != State::kStopping) state_ = State::kAlone;
  proven_at_.reset();
}

void Succession::handle(Effects& effects, const ChargeAskedBack&) {
  if (state_ != State::kInCharge) return;  // a stop has given it back already
  effects.emplace_back(
      SuccessionLog{LogLevel::kInfo, "the upgrade is undone: the old master serves"});
  effects.emplace_back(ReturnCharge{});
  returned_ = true;
  effects.emplace_back(StopForPredecessor{});
  state_ = State::kStopping;
}

void Succession::handle(Effects& effects, const Dismissed& event) {
  const bool hurries = state_ == State::kStopping && event.service_stops;
  if (state_ != State::kCandidate && !hurries) return;
  state_ = State::kStopping;
  proven_at_.reset();
  effects.emplace_back(StopForPredecessor{event.service_stops});
}

// The old master stops with us, and cleans up.
void Succession::handle(Effects& effects, const SuccessionStopBegan&) {
  if (state_ == State::kInCharge) {
    effects.emplace_back(ReturnCharge{.stopping = true});
    returned_ = true;
  }
  if (state_ != State::kAlone) state_ = State::kStopping;
  proven_at_.reset();
}

}  // namespace tricorn
