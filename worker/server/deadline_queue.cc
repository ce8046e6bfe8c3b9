// DeadlineQueue: FIFO lists, one per kind.
#include "worker/server/deadline_queue.h"

namespace tricorn {

TimePoint DeadlineQueue::arm(Deadline& deadline, DeadlineKind kind, TimePoint now) {
  cancel(deadline);
  deadline.kind_ = kind;
  deadline.due_ = now + durations_[static_cast<size_t>(kind)];
  list(kind).push_back(deadline);
  return deadline.due_;
}

void DeadlineQueue::cancel(Deadline& deadline) {
  if (deadline.kind_ == DeadlineKind::kNone) return;
  list(deadline.kind_).remove(deadline);
  deadline.kind_ = DeadlineKind::kNone;
}

std::optional<TimePoint> DeadlineQueue::earliest() const {
  std::optional<TimePoint> earliest;
  for (const List& candidates : lists_) {
    const Deadline* first = candidates.front();
    if (first != nullptr && (!earliest || first->due_ < *earliest)) earliest = first->due_;
  }
  return earliest;
}

Deadline* DeadlineQueue::pop_due(TimePoint now, DeadlineKind& kind) {
  for (List& candidates : lists_) {
    Deadline* first = candidates.front();
    if (first == nullptr || first->due_ > now) continue;
    kind = first->kind_;
    cancel(*first);
    return first;
  }
  return nullptr;
}

}  // namespace tricorn
