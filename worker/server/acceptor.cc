// Acceptor: the outer epoll set, and accept4 in small portions.
#include "worker/server/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "common/logging.h"
#include "common/syscall.h"
#include "worker/server/queue_share.h"

namespace tricorn {
namespace {

constexpr uint64_t kBackend =
    ~uint64_t{0};  // epoll data of libuv's set; others are listener indices
constexpr int kEventsPerWait = 16;
// Few per turn: what one worker does not take, a sleeping sibling is woken for.
constexpr uint32_t kBudget = 1;
constexpr uint32_t kBudgetAlone = 4;
constexpr uint32_t kBudgetSweep = ~uint32_t{0};
constexpr uint32_t kBudgetLeftQueue = 16;
constexpr Duration kExhaustedPause = std::chrono::milliseconds(200);

bool is_out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// accept(2): network errors that were already pending on the new connection. The next one may be
// fine.
bool concerns_one_connection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ETIMEDOUT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ENOPROTOOPT:
      return true;
    default:
      return false;
  }
}

}  // namespace

Acceptor::Acceptor(uv_loop_t* loop, AcceptSink& sink, const Scoreboard& scoreboard, size_t board)
    : loop_(loop), sink_(sink), scoreboard_(scoreboard), board_(board) {
  for (auto* timer : {&pause_timer_, &look_again_timer_}) {
    timer->open(this, [&](uv_timer_t* handle) { return uv_timer_init(loop, handle); });
  }
}

Result<> Acceptor::start(std::vector<UniqueFd> listeners,
                         std::span<const ListenerSettings> settings) {
  auto epoll = sys("epoll_create1", "acceptor", [] { return ::epoll_create1(EPOLL_CLOEXEC); });
  if (!epoll) return pass_on(epoll);
  epoll_.reset(*epoll);
  epoll_event backend{.events = EPOLLIN, .data = {.u64 = kBackend}};
  auto added = sys("epoll_ctl", "libuv backend", [&] {
    return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, uv_backend_fd(loop_), &backend);
  });
  if (!added) return pass_on(added);
  for (UniqueFd& fd : listeners) {
    const int on = 1;  // accepted sockets inherit it; a unix listener refuses, which is fine
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    listeners_.push_back({.fd = std::move(fd)});
    const size_t index = listeners_.size() - 1;
    if (index >= settings.size() || settings[index].parts == 1) continue;
    has_queues_ = true;
    listeners_[index].part = settings[index].part;
    listeners_[index].parts = settings[index].parts;
    listeners_[index].ours = false;
  }
  choose_queues();
  join_line();
  auto look_again = [](uv_timer_t* timer) noexcept {
    if (timer->data != nullptr) static_cast<Acceptor*>(timer->data)->look_again();
  };
  constexpr auto kEveryMs =
      std::chrono::duration_cast<std::chrono::milliseconds>(kLookAgainTime).count();
  uv_timer_start(look_again_timer_.get(), look_again, kEveryMs, kEveryMs);
  return {};
}

void Acceptor::sweep_and_stop() {
  leave_line();
  pause_timer_.close();
  look_again_timer_.close();
  // After leaving the line: a wake-up that was meant for us is nobody else's.
  for (size_t i = 0; i < listeners_.size(); ++i) accept_from(i, kBudgetSweep);
  listeners_.clear();
}

void Acceptor::wait(int timeout_ms) noexcept {
  std::array<epoll_event, kEventsPerWait> events;
  int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerWait, timeout_ms);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 != kBackend) listeners_[events[i].data.u64].ready = true;
  }
}

void Acceptor::dispatch() noexcept {
  for (size_t i = 0; i < listeners_.size() && in_line_; ++i) {
    if (!std::exchange(listeners_[i].ready, false)) continue;
    uv_update_time(loop_);  // it slept outside of uv_run: deadlines of a new connection begin now
    accept_from(i, budget());
    if (in_line_) choose_place();
  }
  catching_up_ = false;
}

Acceptor::Accepted Acceptor::accept_one(size_t listener) {
  sockaddr_storage storage;
  auto* peer = reinterpret_cast<sockaddr*>(&storage);
  for (;;) {
    socklen_t length = sizeof storage;
    int fd = ::accept4(listeners_[listener].fd.get(), peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      exhausted_ = false;
      sink_.on_accepted(UniqueFd(fd), peer, length, listener);
      return Accepted::kOne;
    }
    if (is_out_of_resources(errno)) return Accepted::kExhausted;
    if (!concerns_one_connection(errno)) return Accepted::kNothing;
  }
}

void Acceptor::accept_from(size_t listener, uint32_t budget) {
  for (; budget > 0; --budget) {
    Accepted accepted = accept_one(listener);
    if (accepted == Accepted::kNothing) return;
    if (accepted == Accepted::kExhausted) {
      if (!std::exchange(exhausted_, true)) {
        log_error("accept: {}; new connections wait until others end", std::strerror(errno));
      }
      return pause_for(kExhaustedPause);
    }
    ++accepts_since_rotation_;
  }
}

std::span<const WorkerBlock> Acceptor::blocks() const {
  const ScoreboardLayout& layout = scoreboard_.layout();
  return {layout.blocks.data(), layout.blocks_used.load(std::memory_order_relaxed)};
}

std::optional<uint32_t> Acceptor::least_sibling() const {
  return least_loaded_sibling(blocks(), board_, monotonic_now());
}

uint32_t Acceptor::own_connections() const {
  return scoreboard_.block(board_).connections.load(std::memory_order_relaxed);
}

uint32_t Acceptor::budget() const {
  if (catching_up_) return catch_up_budget(own_connections(), least_sibling());
  return alone_ ? kBudgetAlone : kBudget;
}

void Acceptor::choose_place() {
  auto least = least_sibling();
  alone_ = !least.has_value();
  switch (next_waiting_place(own_connections(), least, accepts_since_rotation_)) {
    case WaitingPlace::kKeep:
      return;
    case WaitingPlace::kBack:
      return move_to_back();
    case WaitingPlace::kStepOutside:
      // A queue of a shared address may be ours alone, and who has fewer may not serve it.
      return has_queues_ ? move_to_back() : pause_for(kStepOutsideTime);
  }
}

// Out of the line, or before it was ever joined.
void Acceptor::choose_queues() {
  if (!has_queues_) return;
  const std::vector<uint32_t> ready = ready_slots(blocks(), monotonic_now());
  const uint32_t slot = scoreboard_.block(board_).slot.load(std::memory_order_relaxed);
  for (size_t i = 0; i < listeners_.size(); ++i) {
    Listener& listener = listeners_[i];
    const bool were_ours = listener.ours;
    listener.ours = serves_queue(listener.part, listener.parts, slot, ready);
    // What waits in a queue that we give up may have woken nobody else.
    if (were_ours && !listener.ours) accept_from(i, kBudgetLeftQueue);
  }
}

void Acceptor::look_again() {
  if (!in_line_) return;
  leave_line();
  choose_queues();
  const bool paused = uv_is_active(pause_timer_.base()) != 0;
  if (!paused) join_line();
}

// Adding looks at the accept queue again, so a connection that came in between is not missed.
void Acceptor::join_line() {
  if (std::exchange(in_line_, true)) return;
  accepts_since_rotation_ = 0;
  for (size_t i = 0; i < listeners_.size(); ++i) {
    if (!listeners_[i].ours) continue;
    epoll_event event{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.u64 = i}};
    [[maybe_unused]] int result =
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listeners_[i].fd.get(), &event);
    assert(result == 0);
  }
}

void Acceptor::leave_line() {
  if (!std::exchange(in_line_, false)) return;
  for (Listener& listener : listeners_) {
    if (!listener.ours) continue;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener.fd.get(), nullptr);
    listener.ready = false;
  }
}

void Acceptor::move_to_back() {
  leave_line();
  join_line();
}

void Acceptor::pause_for(Duration pause) {
  leave_line();
  if (!pause_timer_) return;  // stopped
  auto on_timer = [](uv_timer_t* timer) noexcept {
    if (timer->data != nullptr) static_cast<Acceptor*>(timer->data)->on_pause_over();
  };
  auto pause_ms = std::chrono::duration_cast<std::chrono::milliseconds>(pause).count();
  uv_timer_start(pause_timer_.get(), on_timer, static_cast<uint64_t>(pause_ms), 0);
}

void Acceptor::on_pause_over() {
  join_line();
  catching_up_ = true;
}

}  // namespace tricorn
