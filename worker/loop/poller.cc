// Poller: see the header.
#include "worker/loop/poller.h"

#include <algorithm>

#include "worker/loop/monotonic.h"

namespace tricorn {
namespace {

// While callbacks are ready, I/O is looked for this often: bounds its latency, spares the system
// calls.
constexpr int64_t kPollEveryNs = 100'000;
// Under load the outer set is looked at this often: every few turns, or after this time.
constexpr uint32_t kOuterEveryLooks = 4;
constexpr int64_t kOuterEveryNs = 1'000'000;
// Callbacks in one look from which on another look beats going to sleep at once.
constexpr uint32_t kBusyActivity = 2;
constexpr int64_t kShareGilEveryNs = 5'000'000;  // sys.getswitchinterval()'s default
constexpr int64_t kLongestSleepMs = 24 * 3600 * 1000;

// Rounded up: a sleep may end late, not early.
int64_t milliseconds_between(int64_t now_ns, int64_t wake_at_ns) {
  constexpr int64_t kNsPerMs = 1'000'000;
  return std::min((wake_at_ns - now_ns + kNsPerMs - 1) / kNsPerMs, kLongestSleepMs);
}

}  // namespace

int Poller::open(uv_loop_t* loop) {
  uv_ = loop;
  forget_last_poll();
  int error = wake_up_.open(
      this, [&](uv_async_t* async) { return uv_async_init(loop, async, [](uv_async_t*) {}); });
  if (error < 0) return error;
  alarm_.open(this, [&](uv_timer_t* timer) { return uv_timer_init(loop, timer); });
  before_poll_.open(this, [&](uv_prepare_t* prepare) { return uv_prepare_init(loop, prepare); });
  after_poll_.open(this, [&](uv_check_t* check) { return uv_check_init(loop, check); });
  uv_prepare_start(before_poll_.get(), [](uv_prepare_t* prepare) {
    auto* poller = static_cast<Poller*>(prepare->data);
    if (poller == nullptr || !poller->may_sleep_) return;
    // Timers of libuv's own have run by now and may have made work.
    if (poller->backlog_.pending()) {
      uv_stop(poller->uv_);
    } else {
      poller->release_gil();
    }
  });
  uv_check_start(after_poll_.get(), [](uv_check_t* check) {
    if (check->data != nullptr) static_cast<Poller*>(check->data)->take_gil();
  });
  return 0;
}

void Poller::close() {
  wake_up_.close();
  alarm_.close();
  before_poll_.close();
  after_poll_.close();
}

int64_t Poller::poll(int64_t now_ns, int64_t wake_at_ns) {
  bool pending = backlog_.pending();
  if (pending && now_ns - last_poll_ns_ < kPollEveryNs) return now_ns;
  bool may_sleep = !pending && wake_at_ns > now_ns;
  if (outer_ != nullptr) {
    poll_outer(may_sleep, now_ns, wake_at_ns);
  } else {
    poll_uv(may_sleep, now_ns, wake_at_ns);
  }
  last_poll_ns_ = monotonic_ns();
  if (last_poll_ns_ - gil_shared_ns_ > kShareGilEveryNs) share_gil(last_poll_ns_);
  return last_poll_ns_;
}

void Poller::wake() {
  if (!asleep_) return;
  asleep_ = false;  // one wake-up is enough
  uv_async_send(wake_up_.get());
}

void Poller::poll_uv(bool may_sleep, int64_t now_ns, int64_t wake_at_ns) {
  if (!may_sleep) {
    uv_run(uv_, UV_RUN_NOWAIT);
    return;
  }
  bool alarm = wake_at_ns != kNever;
  if (alarm) {
    uv_update_time(uv_);
    // It may fire before the poll, when a millisecond has passed by then: uv_stop forbids the
    // sleep.
    uv_timer_start(
        alarm_.get(), [](uv_timer_t* timer) { uv_stop(timer->loop); },
        static_cast<uint64_t>(milliseconds_between(now_ns, wake_at_ns)), 0);
  }
  may_sleep_ = true;
  uv_run(uv_, UV_RUN_ONCE);
  may_sleep_ = false;
  take_gil();
  if (alarm) uv_timer_stop(alarm_.get());
}

// Under load this is one epoll_wait a turn: libuv's, without blocking. When that found little, the
// next call goes to sleep in the outer set at once, unless libuv has something to do first.
void Poller::poll_outer(bool may_sleep, int64_t now_ns, int64_t wake_at_ns) {
  if (!may_sleep || expect_activity_ || uv_backend_timeout(uv_) == 0) {
    look_at_uv();
    if (outer_ == nullptr) return;  // taken away by a callback
    if (!may_sleep || activity_ > 0 || backlog_.pending()) {
      look_at_outer(now_ns);
      return;
    }
  }
  sleep_in_outer(now_ns, wake_at_ns);
}

void Poller::look_at_uv() {
  activity_ = 0;
  uv_run(uv_, UV_RUN_NOWAIT);
  expect_activity_ = activity_ >= kBusyActivity;
}

void Poller::look_at_outer(int64_t now_ns) {
  if (++looks_since_outer_ < kOuterEveryLooks && now_ns - outer_looked_ns_ < kOuterEveryNs) return;
  looks_since_outer_ = 0;
  outer_looked_ns_ = now_ns;
  outer_->wait(0);
  outer_->dispatch();
}

void Poller::sleep_in_outer(int64_t now_ns, int64_t wake_at_ns) {
  uv_update_time(uv_);
  int64_t timeout_ms = uv_backend_timeout(uv_);  // -1: libuv has no timer
  if (wake_at_ns != kNever) {
    int64_t alarm_ms = milliseconds_between(now_ns, wake_at_ns);
    timeout_ms = timeout_ms < 0 ? alarm_ms : std::min(timeout_ms, alarm_ms);
  }
  if (timeout_ms != 0) {
    release_gil();
    outer_->wait(static_cast<int>(timeout_ms));
    take_gil();
  } else {
    outer_->wait(0);
  }
  looks_since_outer_ = 0;
  outer_looked_ns_ = now_ns;
  outer_->dispatch();
  look_at_uv();
}

void Poller::share_gil(int64_t now_ns) {
  gil_shared_ns_ = now_ns;
  gil_.release();
  gil_.take();
}

void Poller::release_gil() {
  asleep_ = true;
  gil_.release();
}

void Poller::take_gil() {
  if (!gil_.away()) return;
  gil_.take();
  asleep_ = false;
  gil_shared_ns_ = monotonic_ns();
}

}  // namespace tricorn
