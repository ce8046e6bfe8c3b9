// DeadlineTimer: the DeadlineQueue on a loop, with a single uv_timer for whatever is due first.
#pragma once

#include <array>

#include "worker/server/deadline_queue.h"
#include "worker/uv/handle.h"

namespace tricorn {

class DeadlineSink {
 public:
  // `deadline` is no longer armed. Called from the timer; may arm and cancel.
  virtual void on_deadline(Deadline& deadline, DeadlineKind kind) = 0;

 protected:
  ~DeadlineSink() = default;
};

class DeadlineTimer {
 public:
  // References outlive the timer.
  DeadlineTimer(uv_loop_t* loop, const std::array<Duration, kDeadlineKinds>& durations,
                DeadlineSink& sink);

  void arm(Deadline& deadline, DeadlineKind kind);
  void cancel(Deadline& deadline) { queue_.cancel(deadline); }
  // The loop's own cached time: no system call, no older than the turn.
  TimePoint now() const { return TimePoint(std::chrono::milliseconds(uv_now(loop_))); }

 private:
  void schedule(TimePoint due);
  void on_timer();

  uv_loop_t* loop_;
  DeadlineSink& sink_;
  DeadlineQueue queue_;
  UvHandle<uv_timer_t> timer_;
  // When timer_ fires. A re-armed deadline leaves it as it is: firing early and finding nothing is
  // cheaper.
  TimePoint scheduled_ = TimePoint::max();
};

}  // namespace tricorn
