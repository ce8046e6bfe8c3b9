// AccessLog: one line per answered request, gathered, and written when the loop has time for it.
//
// Lines leave when the loop is about to sleep; while it does not sleep, when many have gathered or
// the oldest has waited for kMaxAge. So a worker under load writes seldom and much, and a line is
// never late by more than anybody notices. Nothing here ever waits: what nobody takes is lost,
// counted, and reported once a minute. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/clock.h"
#include "worker/observe/access_line.h"
#include "worker/observe/line_output.h"

namespace tricorn {

class AccessLog {
 public:
  static constexpr size_t kGatherBytes = 32 * 1024;
  static constexpr Duration kMaxAge = std::chrono::milliseconds(20);

  // `output`: that of `target`; null: it could not be opened, every line is lost until it can.
  AccessLog(AccessLine line, AccessTarget target, std::unique_ptr<LineOutput> output);
  ~AccessLog() { finish(); }
  AccessLog(const AccessLog&) = delete;

  const AccessPattern& pattern() const { return line_.pattern(); }
  void append(const AccessEvent& event) { line_.append(buffer_, event); }

  // At the end of each turn: writes what must not gather further.
  void on_turn(TimePoint now) {
    if (!buffer_.empty()) consider(now);
  }
  // Before a sleep.
  void flush(TimePoint now) {
    if (!buffer_.empty()) write_out(now);
  }
  // After the file was moved away: what has gathered goes to the old one. Errors are logged.
  void reopen(TimePoint now);
  uint64_t lost() const { return lost_; }

 private:
  void consider(TimePoint now);
  void write_out(TimePoint now);
  void report_loss();
  void finish();

  AccessLine line_;
  AccessTarget target_;
  std::unique_ptr<LineOutput> output_;
  std::string buffer_;
  TimePoint due_ = TimePoint::max();  // when the oldest line is old enough; max: not looked at yet
  uint64_t lost_ = 0;
  uint64_t reported_ = 0;
  TimePoint next_report_{};
};

}  // namespace tricorn
