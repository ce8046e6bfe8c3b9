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

// Timers may fire late, never early: libuv counts whole milliseconds.
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
  uv_timer_t handle;
  std::function<void()> on_due;
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

void Timer::arm(Duration delay) { start(delay, 0); }

void Timer::every(Duration period) { start(period, ceil_milliseconds(period)); }

void Timer::disarm() { uv_timer_stop(&state_->handle); }

void Timer::start(Duration delay, uint64_t repeat_ms) {
  uv_update_time(state_->handle.loop);  // the delay counts from now, not from the turn's start
  auto fire = [](uv_timer_t* handle) noexcept { static_cast<State*>(handle->data)->on_due(); };
  must(uv_timer_start(&state_->handle, fire, ceil_milliseconds(delay), repeat_ms),
       "uv_timer_start");
}

}  // namespace tricorn
