// The master's libuv loop and the two handles it needs: a watched descriptor and a timer.
//
// Handles live on the heap until libuv has closed them, so a callback may destroy the watcher or
// timer that runs it.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "common/clock.h"

namespace tricorn {

// Owns the loop. Every FdWatcher and Timer on it must be gone before it is.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void run();   // until stop()
  void stop();  // run() returns after the current turn
  uv_loop_t* raw() { return &loop_; }

 private:
  uv_loop_t loop_;
};

// Calls back whenever `fd` is readable or its peer is gone. Does not own the descriptor, which must
// outlive it.
class FdWatcher {
 public:
  FdWatcher(EventLoop& loop, int fd, std::function<void()> on_event);
  // From now on when `fd` can be written, or nobody reads it any more, instead.
  void wait_writable();

 private:
  struct State;
  struct Close {
    void operator()(State* state) const noexcept;
  };
  std::unique_ptr<State, Close> state_;
};

// Calls back at the time it is armed for, never before by monotonic_now().
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> on_due);
  void arm(Duration delay);  // once; replaces what was armed
  void every(Duration period);
  void disarm();

 private:
  struct State;
  struct Close {
    void operator()(State* state) const noexcept;
  };
  std::unique_ptr<State, Close> state_;
};

}  // namespace tricorn
