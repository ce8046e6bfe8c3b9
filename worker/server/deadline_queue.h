// DeadlineQueue: one deadline per connection, in constant time. PURE: time is an argument.
//
// Every kind has one fixed duration, so the deadlines of a kind come due in the order they were
// armed: a FIFO list per kind is already sorted, and re-arming at each request moves a link and
// touches neither a heap nor a timer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/clock.h"
#include "worker/server/intrusive_list.h"

namespace tricorn {

enum class DeadlineKind : uint8_t {
  kHeader,        // accept to first byte, and first byte to the end of the head
  kKeepAlive,     // idle between requests
  kBody,          // the app waits for more of a body
  kStalledWrite,  // the client takes none of what we send
  kLinger,        // closing: input is discarded, so that no reset overtakes the response
  kPing,          // an open WebSocket: until our next ping
  kPong,          // no byte has come since our ping
  kCloseEcho,     // our Close was sent, the client's has not come
  kFirstRequest,  // stopping: a connection whose first request may be on its way
  kNone,
};
inline constexpr size_t kDeadlineKinds = static_cast<size_t>(DeadlineKind::kNone);

// Base of what can have a deadline. Cancel before it dies.
class Deadline {
 public:
  DeadlineKind deadline_kind() const { return kind_; }

 protected:
  ~Deadline() = default;

 private:
  friend class DeadlineQueue;
  ListLink<Deadline> link_;
  TimePoint due_{};
  DeadlineKind kind_ = DeadlineKind::kNone;
};

class DeadlineQueue {
 public:
  // By DeadlineKind.
  explicit DeadlineQueue(const std::array<Duration, kDeadlineKinds>& durations)
      : durations_(durations) {}

  // Replaces the deadline that `deadline` had. `now` never goes back between calls. Returns when it
  // is due.
  TimePoint arm(Deadline& deadline, DeadlineKind kind, TimePoint now);
  void cancel(Deadline& deadline);

  std::optional<TimePoint> earliest() const;
  // Removes and returns one that is due; null if there is none. Its kind is put into `kind`.
  Deadline* pop_due(TimePoint now, DeadlineKind& kind);

 private:
  using List = IntrusiveList<Deadline, &Deadline::link_>;
  List& list(DeadlineKind kind) { return lists_[static_cast<size_t>(kind)]; }

  std::array<Duration, kDeadlineKinds> durations_;
  std::array<List, kDeadlineKinds> lists_;
};

}  // namespace tricorn
