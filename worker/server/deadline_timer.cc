// DeadlineTimer: lazily scheduled.
#include "worker/server/deadline_timer.h"

#include <utility>

namespace tricorn {

DeadlineTimer::DeadlineTimer(uv_loop_t* loop, const std::array<Duration, kDeadlineKinds>& durations,
                             DeadlineSink& sink)
    : loop_(loop), sink_(sink), queue_(durations) {
  timer_.open(this, [&](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
}

void DeadlineTimer::arm(Deadline& deadline, DeadlineKind kind) {
  TimePoint due = queue_.arm(deadline, kind, now());
  if (due < scheduled_) schedule(due);
}

void DeadlineTimer::schedule(TimePoint due) {
  auto callback = [](uv_timer_t* timer) noexcept {
    if (timer->data != nullptr) static_cast<DeadlineTimer*>(timer->data)->on_timer();
  };
  scheduled_ = due;
  auto delay =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(due - now(), Duration::zero()));
  uv_timer_start(timer_.get(), callback, static_cast<uint64_t>(delay.count()), 0);
}

void DeadlineTimer::on_timer() {
  scheduled_ = TimePoint::max();
  DeadlineKind kind = DeadlineKind::kNone;
  const TimePoint time = now();
  while (Deadline* due = queue_.pop_due(time, kind)) sink_.on_deadline(*due, kind);
  if (auto next = queue_.earliest(); next && *next < scheduled_) schedule(*next);
}

}  // namespace tricorn
