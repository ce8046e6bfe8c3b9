// Shutdown: how urgently the server is to go, and with which exit code.
#pragma once

#include <optional>
#include <string>

#include "supervisor/policy/policy_types.h"

namespace tricorn {

enum class StopLevel {
  kNone,   // serving
  kDelay,  // serving still, so that whoever sends requests learns that it is to stop sending them
  kDrain,  // requests in progress may end, within the drain timeout
  kFast,   // no drain, but the app's own shutdown runs
  kKill,
};

std::string describe(StopLevel level);  // for the log

class Shutdown {
 public:
  // A first request drains (or is fast if it says so), a second is fast, a third kills. With a
  // `delay` the first one only begins it: the next request cuts it short and counts as the first.
  // One without a signal, another master's, does not count; it may end that clients are waited for
  // since another master serves.
  void request(const StopRequested& request, TimePoint now, Duration delay = {});
  // True once, when the delay has passed: then it drains.
  bool end_delay(TimePoint now);
  std::optional<TimePoint> delay_ends_at() const;
  // The first boot failed: the others go fast, and the master with `code`.
  void boot_failed(int code);
  // A worker crashed, and that was to end the server: gracefully, with `code`.
  void worker_crashed(int code);
  // A worker that had served had to be killed, or outlived even that.
  void forced() { forced_ = true; }

  StopLevel level() const { return level_; }
  DrainMode drain_mode() const { return replaced_ ? DrainMode::kRetire : DrainMode::kStop; }
  bool active() const { return level_ != StopLevel::kNone; }
  // A failed boot's or a crash's code, else 128 + signal when asked more than once, else 1 if a
  // worker was killed, else 0.
  int exit_code() const;

 private:
  StopLevel level_ = StopLevel::kNone;
  int requests_ = 0;
  TimePoint delay_ends_at_{};  // while level_ is kDelay
  int failure_code_ = 0;       // the first one's
  int repeated_signal_ = 0;
  bool forced_ = false;
  bool replaced_ = false;
};

}  // namespace tricorn
