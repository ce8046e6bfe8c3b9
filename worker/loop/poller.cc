// Poller: see the header.
#include "worker/loop/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

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

// -1: libuv waits for nothing by itself.
int uv_timeout_ms(uv_loop_t* loop) {
  if (uv_loop_alive(loop) == 0) return -1;
  uv_update_time(loop);
  return uv_backend_timeout(loop);
}

}  // namespace

int Poller::open(uv_loop_t* loop) {
  uv_ = loop;
  forget_last_poll();
  if (int error = set_.open(); error < 0) return error;
  wake_up_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_up_) return -errno;
  if (int error = set_.watch(wake_up_.get(), EPOLLIN | EPOLLET, *this); error < 0) return error;
  return hold_uv();
}

void Poller::close() {
  nested_.close();
  set_.close();
  wake_up_.reset();
}

int Poller::hold_uv() { return set_.watch(uv_backend_fd(uv_), EPOLLIN, *this); }

int Poller::nest_in_uv() {
  int error =
      nested_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(uv_, poll, set_.fd()); });
  if (error < 0) return error;
  return uv_poll_start(nested_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
    if (poll->data != nullptr) static_cast<Poller*>(poll->data)->look_at_set();
  });
}

// A set cannot hold one that holds it.
void Poller::set_outer(OuterPoll* outer) {
  if ((outer != nullptr) == (outer_ != nullptr)) {
    outer_ = outer;
    return;
  }
  outer_ = outer;
  int error = 0;
  if (outer != nullptr) {
    set_.release(uv_backend_fd(uv_));
    error = nest_in_uv();
  } else if (nested_) {
    nested_.close();
    error = hold_uv();
  }
  if (error == 0) return;
  errno = -error;
  PyErr_SetFromErrno(PyExc_OSError);
  PyErr_WriteUnraisable(nullptr);
}

int64_t Poller::poll(int64_t now_ns, int64_t wake_at_ns) {
  bool pending = backlog_.pending();
  if (pending && (outer_ != nullptr || set_.is_quiet()) && now_ns - last_poll_ns_ < kPollEveryNs)
    return now_ns;
  bool may_sleep = !pending && wake_at_ns > now_ns;
  if (outer_ != nullptr) {
    set_.apply_changes();
    poll_outer(may_sleep, now_ns, wake_at_ns);
  } else {
    poll_set(may_sleep, now_ns, wake_at_ns);
  }
  last_poll_ns_ = monotonic_ns();
  if (last_poll_ns_ - gil_shared_ns_ > kShareGilEveryNs) share_gil(last_poll_ns_);
  return last_poll_ns_;
}

void Poller::wake() {
  if (!asleep_) return;
  asleep_ = false;  // one wake-up is enough
  const uint64_t one = 1;
  while (::write(wake_up_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Poller::on_io(int fd, uint32_t) noexcept { uv_ready_ |= fd == uv_backend_fd(uv_); }

// Up to the next timer of the loop or of libuv; -1: for ever.
int Poller::sleep_ms(int64_t now_ns, int64_t wake_at_ns) {
  int64_t timeout_ms = uv_used_ ? uv_timeout_ms(uv_) : -1;
  if (wake_at_ns != kNever) {
    int64_t alarm_ms = milliseconds_between(now_ns, wake_at_ns);
    timeout_ms = timeout_ms < 0 ? alarm_ms : std::min(timeout_ms, alarm_ms);
  }
  return static_cast<int>(timeout_ms);
}

void Poller::poll_set(bool may_sleep, int64_t now_ns, int64_t wake_at_ns) {
  if (uv_used_) {
    look_at_uv();  // also tells the kernel what was started in it
    may_sleep = may_sleep && !backlog_.pending();
  }
  int timeout_ms = may_sleep ? sleep_ms(now_ns, wake_at_ns) : 0;
  if (timeout_ms != 0) {
    set_.apply_changes();  // with the GIL
    release_gil();
    set_.wait(timeout_ms);
    take_gil();
  } else {
    set_.wait(0);
  }
  uv_ready_ = false;
  if (!set_.dispatch()) rebuild_set();
  if (uv_ready_) look_at_uv();
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

// From libuv: our own descriptors are ready.
void Poller::look_at_set() {
  ensure_gil();
  set_.wait(0);
  if (!set_.dispatch()) rebuild_set();
}

void Poller::rebuild_set() {
  nested_.close();  // before its descriptor goes
  int error = set_.rebuild();
  if (error == 0 && outer_ != nullptr) error = nest_in_uv();
  if (error == 0) return;
  errno = -error;
  PyErr_SetFromErrno(PyExc_OSError);
  PyErr_WriteUnraisable(nullptr);
}

void Poller::look_at_outer(int64_t now_ns) {
  if (++looks_since_outer_ < kOuterEveryLooks && now_ns - outer_looked_ns_ < kOuterEveryNs) return;
  looks_since_outer_ = 0;
  outer_looked_ns_ = now_ns;
  outer_->wait(0);
  outer_->dispatch();
}

void Poller::sleep_in_outer(int64_t now_ns, int64_t wake_at_ns) {
  int timeout_ms = sleep_ms(now_ns, wake_at_ns);
  if (timeout_ms != 0) {
    release_gil();
    outer_->wait(timeout_ms);
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
