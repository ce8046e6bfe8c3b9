// ExchangeLog: what a worker writes about its exchanges: the access log, and a line in the server's
// own log for a request that was refused.
//
// As an OuterPoll it stands before the acceptor, so that lines are out before the loop sleeps. One
// thread; wait() is called without the interpreter's lock, and needs none.
#pragma once

#include <optional>

#include "common/clock.h"
#include "common/log_rate_limit.h"
#include "common/worker_settings.h"
#include "worker/loop/loop_api.h"
#include "worker/observe/access_log.h"
#include "worker/server/connection.h"
#include "worker/server/wall_clock.h"

namespace tricorn {

class ExchangeLog final : private OuterPoll {
 public:
  // Opens the access log; if that fails, an error is logged and lines are lost. Both references
  // outlive this.
  ExchangeLog(const WorkerSettings& settings, const WallClock& clock);

  // What its lines are made from.
  const RecordNeeds& needs() const { return needs_; }
  // Where the loop is to sleep in place of `poll`, which outlives this.
  OuterPoll& before(OuterPoll& poll);

  // The true time, if lines show durations.
  TimePoint begin() const { return timed_ ? monotonic_now() : TimePoint{}; }
  // `now`: the loop's.
  void end(const Connection& connection, const ExchangeRecord& record, TimePoint now) {
    if (record.refused) report_refusal(connection, record, now);
    if (access_log_) append(connection, record);
  }
  void on_turn(TimePoint now) {
    now_ = now;
    if (access_log_) access_log_->on_turn(now);
  }
  // Writes what has gathered.
  void flush() {
    if (access_log_) access_log_->flush(now_);
  }
  void reopen() {
    if (access_log_) access_log_->reopen(now_);
  }

 private:
  void wait(int timeout_ms) noexcept override;
  void dispatch() noexcept override { poll_->dispatch(); }
  void append(const Connection& connection, const ExchangeRecord& record);
  void report_refusal(const Connection& connection, const ExchangeRecord& record, TimePoint now);

  const WallClock& clock_;
  RecordNeeds needs_{.request_line = false};
  bool timed_ = false;
  std::optional<AccessLog> access_log_;
  OuterPoll* poll_ = nullptr;
  TimePoint now_{};
  LogRateLimit refusals_;
};

}  // namespace tricorn
