// Poller: where the loop looks for I/O and sleeps.
//
// That is the loop's own epoll set, which holds libuv's as one descriptor: a program without a
// server never calls libuv. With an OuterPoll (the server's acceptor) it is the other way round:
// the loop sleeps in the outer set, which holds libuv's, which holds ours.
//
// The GIL is given away only around a poll that may block, and now and then under load, so that
// other threads get their share even when no Python code runs. `wake` may come from any thread that
// holds the GIL.
#pragma once

#include <uv.h>

#include <cstdint>
#include <limits>

#include "common/unique_fd.h"
#include "worker/loop/backlog.h"
#include "worker/loop/epoll_set.h"
#include "worker/loop/gil.h"
#include "worker/loop/loop_api.h"
#include "worker/uv/handle.h"

namespace tricorn {

class Poller final : public IoListener {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  explicit Poller(const Backlog& backlog) : backlog_(backlog) {}

  // Returns a negative errno, or 0. `loop` must outlive close().
  int open(uv_loop_t* loop);
  void close();

  EpollSet& set() { return set_; }
  const EpollSet& set() const { return set_; }
  // From now on each poll runs libuv's loop: somebody has handles in it.
  void use_uv() { uv_used_ = true; }
  void set_outer(OuterPoll* outer);
  OuterPoll* outer() const { return outer_; }

  // One poll, or none while work is ready, the last one was a moment ago, and nothing is to be
  // expected (EpollSet::is_quiet): the I/O that I/O leads to in the same process is seen as soon as
  // by asyncio. Sleeps until `wake_at_ns` (monotonic) when there is no work. Returns the time
  // afterwards.
  int64_t poll(int64_t now_ns, int64_t wake_at_ns);
  // What the set has held back.
  void dispatch_held_back() {
    if (!set_.dispatch_held_back()) rebuild_set();
  }
  // The next poll is not skipped.
  void forget_last_poll() { last_poll_ns_ = std::numeric_limits<int64_t>::min() / 2; }

  // Ends a sleep in another thread; does nothing while the loop is awake.
  void wake();

  // For uv callbacks: takes the GIL if it was given away, and counts I/O activity.
  void ensure_gil() {
    ++activity_;
    take_gil();
  }

  void on_io(int fd, uint32_t events) noexcept override;

 private:
  void poll_set(bool may_sleep, int64_t now_ns, int64_t wake_at_ns);
  void poll_outer(bool may_sleep, int64_t now_ns, int64_t wake_at_ns);
  void look_at_uv();
  void look_at_set();
  void look_at_outer(int64_t now_ns);
  void sleep_in_outer(int64_t now_ns, int64_t wake_at_ns);
  int sleep_ms(int64_t now_ns, int64_t wake_at_ns);
  int hold_uv();     // libuv's set in ours
  int nest_in_uv();  // ours in libuv's
  void rebuild_set();
  void share_gil(int64_t now_ns);
  void release_gil();
  void take_gil();

  const Backlog& backlog_;
  OuterPoll* outer_ = nullptr;
  uv_loop_t* uv_ = nullptr;
  EpollSet set_;
  UniqueFd wake_up_;            // an eventfd in set_, edge-triggered: nobody has to read it
  UvHandle<uv_poll_t> nested_;  // set_ in libuv, while there is an outer set
  bool uv_used_ = false;
  bool uv_ready_ = false;  // its backend descriptor is
  Gil gil_;
  bool asleep_ = false;  // the GIL is away; cleared by the first wake()
  int64_t last_poll_ns_ = 0;
  int64_t gil_shared_ns_ = 0;
  int64_t outer_looked_ns_ = 0;
  uint32_t looks_since_outer_ = 0;
  uint32_t activity_ = 0;         // uv callbacks since the last look
  bool expect_activity_ = false;  // the last look found so much that there is likely more
};

}  // namespace tricorn
