// Worker: see the header.
#include "worker/entry.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <utility>

#include "common/logging.h"
#include "common/process_title.h"
#include "worker/python/py_error.h"
#include "worker/stack_dump.h"

namespace tricorn {
namespace {

// From the deadline, when the tasks are cancelled, to the moment when what is left is cut off: time
// for `finally:` blocks, and well before the master's SIGKILL.
constexpr Duration kCancelGrace = milliseconds(500);

// Nobody kills a worker that outlives its master: the kernel does, this long after its deadline.
constexpr unsigned kOrphanGraceSeconds = 2;

// Asks the kernel for it. An app's own use of SIGALRM is over.
void end_within(unsigned seconds) {
  ::signal(SIGALRM, SIG_DFL);
  const unsigned before = ::alarm(seconds);
  if (before != 0 && before < seconds) ::alarm(before);
}

}  // namespace

Worker::Worker(WorkerSetup setup) : setup_(std::move(setup)) { enter(Phase::kBooting); }

Worker::~Worker() {
  close();
  forget_stack_listener();
}

void Worker::enter(Phase phase) {
  static constexpr const char* kShown[] = {"booting", "ready", "draining", "draining", "stopping"};
  phase_ = phase;
  set_process_title(fmt::format("tricorn: worker {} gen {} [{}] {}", setup_.slot, setup_.generation,
                                kShown[static_cast<size_t>(phase)], setup_.settings.app));
}

bool Worker::attach(PyObject* loop, PyObject* on_stopped) {
  loop_ = LoopApi::of(loop);
  if (loop_ == nullptr) return false;
  loop_object_ = PyRef::borrow(loop);
  on_stopped_ = PyRef::borrow(on_stopped);
  int opened = control_watch_.open(this, [&](uv_poll_t* handle) {
    return uv_poll_init(loop_->uv(), handle, setup_.control.get());
  });
  if (opened == 0) {
    opened = uv_poll_start(control_watch_.get(), UV_READABLE, [](uv_poll_t* handle, int, int) {
      if (auto* self = static_cast<Worker*>(handle->data)) self->read_control();
    });
  }
  if (opened == 0) return true;
  PyErr_Format(PyExc_OSError, "cannot watch the control socket: %s", uv_strerror(opened));
  return false;
}

bool Worker::start(PyObject* app, PyObject* state, bool websocket) {
  if (phase_ != Phase::kBooting) return true;  // told to stop meanwhile
  setup_.settings.http.websocket.enabled &= websocket;
  GatewayOptions options{.root_path = setup_.settings.root_path,
                         .pathsend = setup_.settings.pathsend,
                         .limit_concurrency = setup_.settings.limit_concurrency,
                         .limit_max_requests = request_limit()};
  gateway_ = Gateway::create(*loop_, options, app, state);
  if (gateway_ == nullptr) return false;
  gateway_->on_idle([this] { finish_if_drained(); });
  gateway_->on_limit([this] { ask_to_retire("served its maximum of requests"); });
  server_ = std::make_unique<Server>(*loop_, *gateway_,
                                     ServerOptions{.settings = setup_.settings,
                                                   .listeners = std::move(setup_.listeners),
                                                   .scoreboard = setup_.scoreboard,
                                                   .board = setup_.board});
  start_watchdog();
  set_last_words([](void* server) { static_cast<Server*>(server)->log_unfinished(); },
                 server_.get());
  enter(Phase::kServing);
  setup_.scoreboard.block(setup_.board).state.store(WorkerState::kReady, std::memory_order_relaxed);
  tell_master({.type = ControlType::kReady});
  return true;
}

void Worker::read_control() {
  loop_->ensure_gil();
  while (setup_.control) {
    ControlMessage message;
    Result<ReceiveStatus> status = receive_control(setup_.control.get(), message);
    if (!status) log_error("{}", status.error().message);
    if (!status || *status == ReceiveStatus::kClosed) return on_master_gone();
    if (*status == ReceiveStatus::kWouldBlock) return;
    on_message(message);
  }
}

void Worker::on_message(const ControlMessage& message) {
  switch (message.type) {
    case ControlType::kListening:
      if (listening_ || phase_ != Phase::kServing) return;
      listening_ = true;
      if (Result<> started = server_->start(); !started) {
        log_error("cannot accept connections: {}", started.error().message);
        drain(DrainMode::kStop, Duration::zero());
      }
      return;
    case ControlType::kDrain:
      return drain(static_cast<DrainMode>(message.flag), milliseconds(message.value));
    case ControlType::kQuit:
      drain(DrainMode::kStop, Duration::zero());
      return cancel_requests();
    case ControlType::kReopenLogs:
      if (server_ != nullptr) server_->reopen_logs();
      return;
    case ControlType::kDumpStacks:
      return tell_master({.type = ControlType::kStacks, .text = python_stacks()});
    default:
      log_warning("the master sent an unknown message ({})", static_cast<int>(message.type));
  }
}

void Worker::on_master_gone() {
  control_watch_.close();
  forget_stack_listener();
  setup_.control.reset();
  end_within(orphan_seconds());
  if (phase_ == Phase::kStopped) return;
  log_warning("the master is gone; finishing open requests");
  terminate();
}

void Worker::terminate() {
  const bool has_master = setup_.control && getppid() == setup_.master;
  if (phase_ == Phase::kServing && has_master && !std::exchange(told_to_end_, true)) {
    return ask_to_retire("was sent SIGTERM");
  }
  drain(DrainMode::kStop, milliseconds(setup_.settings.drain_timeout_ms));
}

// A stop may overtake a retirement; a later order never grants more time than the first one.
void Worker::drain(DrainMode mode, Duration deadline) {
  if (phase_ == Phase::kBooting) return finish();
  if (phase_ != Phase::kServing && phase_ != Phase::kDraining) return;
  if (phase_ == Phase::kDraining) deadline = std::min(deadline, deadline_left());
  enter(Phase::kDraining);
  arm(deadline);
  server_->drain(mode, deadline, [this] {
    connections_gone_ = true;
    finish_if_drained();
  });
}

Duration Worker::deadline_left() const {
  return milliseconds(static_cast<int64_t>(uv_timer_get_due_in(deadline_timer_.get())));
}

void Worker::on_deadline() {
  loop_->ensure_gil();
  if (phase_ == Phase::kDraining) return cancel_requests();
  server_->close_all();
  finish();
}

// Past the deadline, or told to be quick: the tasks are cancelled and get a moment to clean up
// (P58).
void Worker::cancel_requests() {
  if (phase_ != Phase::kDraining) return;
  enter(Phase::kCancelling);
  if (size_t count = gateway_->cancel_all(); count > 0) {
    log_warning("cancelled {} request{} at the end of the drain", count, count == 1 ? "" : "s");
  }
  arm(kCancelGrace);
  finish_if_drained();
}

void Worker::finish_if_drained() {
  bool draining = phase_ == Phase::kDraining || phase_ == Phase::kCancelling;
  if (draining && gateway_->in_flight() == 0 &&
      (connections_gone_ || phase_ == Phase::kCancelling)) {
    finish();
  }
}

void Worker::finish() {
  if (phase_ == Phase::kStopped) return;
  enter(Phase::kStopped);
  deadline_timer_.close();
  PyRef called = PyRef::steal(PyObject_CallNoArgs(on_stopped_.get()));
  if (!called) PyError::take().unraisable(on_stopped_.get());
}

void Worker::ask_to_retire(const char* reason) {
  tell_master({.type = ControlType::kRetireMe, .text = reason});
}

// A boot has its own clock: only now is there a heartbeat.
void Worker::start_watchdog() {
  const uint32_t limit_ms = setup_.settings.heartbeat_limit_ms;
  if (limit_ms == 0) return;
  auto started = LoopWatchdog::start(
      milliseconds(limit_ms), setup_.scoreboard.block(setup_.board),
      [this](Duration stuck_for) { report_hang(stuck_for); },
      {.parent = setup_.master, .grace = std::chrono::seconds(orphan_seconds())});
  if (started) {
    watchdog_ = std::move(*started);
  } else {
    log_warning("{}", started.error().message);
  }
}

void Worker::report_hang(Duration stuck_for) const {
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  const std::string text = fmt::format(
      "the event loop (pid {}) has not turned for {:.1f} s (it may for {:g} s); the threads are "
      "here:",
      getpid(), seconds(stuck_for), seconds(milliseconds(setup_.settings.heartbeat_limit_ms)));
  log_event(LogLevel::kWarning, text, {}, python_stacks_of_stuck_process());
}

void Worker::arm(Duration delay) {
  if (!deadline_timer_) {
    int opened = deadline_timer_.open(
        this, [&](uv_timer_t* handle) { return uv_timer_init(loop_->uv(), handle); });
    if (opened < 0) return;  // uv_timer_init cannot fail
  }
  auto delay_ms = std::chrono::ceil<std::chrono::milliseconds>(delay).count();
  uv_timer_start(
      deadline_timer_.get(),
      [](uv_timer_t* handle) {
        if (auto* self = static_cast<Worker*>(handle->data)) self->on_deadline();
      },
      static_cast<uint64_t>(delay_ms), 0);
}

void Worker::boot_failed(BootFailureKind kind, const std::string& text) {
  tell_master(
      {.type = ControlType::kBootFailed, .value = static_cast<int64_t>(kind), .text = text});
}

void Worker::tell_master(const ControlMessage& message) {
  if (!setup_.control) return;
  if (Result<> sent = send_control(setup_.control.get(), message); !sent) {
    log_warning("cannot tell the master: {}", sent.error().message);
  }
}

unsigned Worker::orphan_seconds() const {
  return setup_.settings.drain_timeout_ms / 1000 + kOrphanGraceSeconds;
}

// From here on nobody listens to a master, or sees it go: a thread of the app's may hold the
// interpreter up.
void Worker::close() {
  end_within(orphan_seconds());
  phase_ = Phase::kStopped;
  watchdog_.reset();
  set_last_words(nullptr, nullptr);
  control_watch_.close();
  deadline_timer_.close();
  server_.reset();
  if (gateway_ != nullptr) gateway_->expect_cancellation();
}

// Workers that began together must not all retire together: each draws its own share of the jitter.
uint64_t Worker::request_limit() const {
  uint64_t limit = setup_.settings.limit_max_requests;
  uint64_t jitter = setup_.settings.limit_max_requests_jitter;
  if (limit == 0 || jitter == 0) return limit;
  std::random_device seed;
  return limit + std::uniform_int_distribution<uint64_t>(0, jitter)(seed);
}

}  // namespace tricorn
