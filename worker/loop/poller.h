// Poller: where the loop looks for I/O and sleeps: in libuv's epoll set, or in an OuterPoll that
// holds it.
//
// The GIL is given away only around a poll that may block, and now and then under load, so that
// other threads get their share even when no Python code runs. `wake` may come from any thread that
// holds the GIL.
#pragma once

#include <uv.h>

#include <cstdint>
#include <limits>

#include "worker/loop/backlog.h"
#include "worker/loop/gil.h"
#include "worker/loop/loop_api.h"
#include "worker/uv/handle.h"

namespace tricorn {

class Poller {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit Poller(const Backlog& backlog) : backlog_(backlog) {}

  // Returns libuv's negative errno, or 0. `loop` must outlive close().
  int open(uv_loop_t* loop);
  void close();

  void set_outer(OuterPoll* outer) { outer_ = outer; }
  OuterPoll* outer() const { return outer_; }

  // One poll, or none while work is ready and the last one was a moment ago. Sleeps until
  // `wake_at_ns` (monotonic) when there is no work. Returns the time afterwards.
  int64_t poll(int64_t now_ns, int64_t wake_at_ns);
  // The next poll is not skipped.
  void forget_last_poll() { last_poll_ns_ = std::numeric_limits<int64_t>::min() / 2; }

  // Ends a sleep in another thread; does nothing while the loop is awake.
  void wake();

  // For uv callbacks: takes the GIL if it was given away, and counts I/O activity.
  void ensure_gil() {
    ++activity_;
    take_gil();
  }

 private:
  void poll_uv(bool may_sleep, int64_t now_ns, int64_t wake_at_ns);
  void poll_outer(bool may_sleep, int64_t now_ns, int64_t wake_at_ns);
  void look_at_uv();
  void look_at_outer(int64_t now_ns);
  void sleep_in_outer(int64_t now_ns, int64_t wake_at_ns);
  void share_gil(int64_t now_ns);
  void release_gil();
  void take_gil();

  const Backlog& backlog_;
  OuterPoll* outer_ = nullptr;
  uv_loop_t* uv_ = nullptr;
  UvHandle<uv_prepare_t> before_poll_;
  UvHandle<uv_check_t> after_poll_;
  UvHandle<uv_async_t> wake_up_;
  UvHandle<uv_timer_t> alarm_;
  Gil gil_;
  bool asleep_ = false;     // the GIL is away; cleared by the first wake()
  bool may_sleep_ = false;  // this uv_run may block
  int64_t last_poll_ns_ = 0;
  int64_t gil_shared_ns_ = 0;
  int64_t outer_looked_ns_ = 0;
  uint32_t looks_since_outer_ = 0;
  uint32_t activity_ = 0;         // uv callbacks since the last look
  bool expect_activity_ = false;  // the last look found so much that there is likely more
};

}  // namespace tricorn
