// libuv behind EventLoop, FdWatcher and Timer. Failures of libuv here are bugs or an exhausted
// kernel: they abort.
#include "supervisor/os/event_loop.h"

#include <cstdio>
#include <cstdlib>

namespace tricorn {
namespace {

void must(int status, const char* call) {
  if (status >= 0) return;
  std::fprintf(stderr, "tricorn: %s: %s\n", call, uv_strerror(status));
  std::abort();
}

// libuv counts whole milliseconds.
uint64_t ceil_milliseconds(Duration delay) {
  if (delay <= Duration::zero()) return 0;
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(delay).count());
}

}  // namespace

EventLoop::EventLoop() { must(uv_loop_init(&loop_), "uv_loop_init"); }

EventLoop::~EventLoop() {
  uv_run(&loop_, UV_RUN_NOWAIT);  // lets the close callbacks free their handles
  must(uv_loop_close(&loop_), "uv_loop_close");
}

void EventLoop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }

void EventLoop::stop() { uv_stop(&loop_); }

struct FdWatcher::State {
  uv_poll_t handle;
  std::function<void()> on_event;

  void start(int events) {
    auto wake = [](uv_poll_t* poll, int, int) noexcept {
      static_cast<State*>(poll->data)->on_event();
    };
    must(uv_poll_start(&handle, events, wake), "uv_poll_start");
  }
};

void FdWatcher::Close::operator()(State* state) const noexcept {
  uv_close(reinterpret_cast<uv_handle_t*>(&state->handle),
           [](uv_handle_t* handle) noexcept { delete static_cast<State*>(handle->data); });
}

FdWatcher::FdWatcher(EventLoop& loop, int fd, std::function<void()> on_event)
    : state_(new State{.handle = {}, .on_event = std::move(on_event)}) {
  must(uv_poll_init(loop.raw(), &state_->handle, fd), "uv_poll_init");
  state_->handle.data = state_.get();
  state_->start(UV_READABLE | UV_DISCONNECT);
}

void FdWatcher::wait_writable() { state_->start(UV_WRITABLE); }

struct Timer::State {
  // libuv rounds its clock down: a loop that something else wakes up just before the time would
  // call up to two milliseconds early, and whoever then finds nothing due may never look again.
  void fire() {
    if (const Duration left = due - monotonic_now(); left > Duration::zero()) {
      return start(left, 0);
    }
    on_due();
  }
  void start(Duration delay, uint64_t repeat_ms) {
    uv_update_time(handle.loop);  // the delay counts from now, not from the turn's start
    auto call = [](uv_timer_t* timer) noexcept { static_cast<State*>(timer->data)->fire(); };
    must(uv_timer_start(&handle, call, ceil_milliseconds(delay), repeat_ms), "uv_timer_start");
  }

  uv_timer_t handle;
  std::function<void()> on_due;
  TimePoint due{};  // of arm()
};

void Timer::Close::operator()(State* state) const noexcept {
  uv_close(reinterpret_cast<uv_handle_t*>(&state->handle),
           [](uv_handle_t* handle) noexcept { delete static_cast<State*>(handle->data); });
}

Timer::Timer(EventLoop& loop, std::function<void()> on_due)
    : state_(new State{.handle = {}, .on_due = std::move(on_due)}) {
  must(uv_timer_init(loop.raw(), &state_->handle), "uv_timer_init");
  state_->handle.data = state_.get();
}

void Timer::arm(Duration delay) {
  state_->due = monotonic_now() + delay;
  state_->start(delay, 0);
}

void Timer::every(Duration period) {
  state_->due = {};
  state_->start(period, ceil_milliseconds(period));
}

void Timer::disarm() { uv_timer_stop(&state_->handle); }

}  // namespace tricorn
