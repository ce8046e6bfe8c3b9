// The thread behind LoopWatchdog: HangWatch decides, a condition variable sleeps.
#include "worker/observe/loop_watchdog.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>

#include "common/service_thread.h"
#include "common/syscall.h"
#include "worker/observe/hang_watch.h"

namespace tricorn {

struct LoopWatchdog::Thread {
  HangWatch watch;
  const WorkerBlock& block;
  OnStuck on_stuck;
  Orphanhood orphanhood;
  std::optional<TimePoint> orphan_until;
  pid_t process = ::getpid();
  pthread_t handle{};
  std::mutex mutex;
  std::condition_variable stopped;
  bool stopping = false;

  void run();
  Duration end_orphan(TimePoint now);
};

void LoopWatchdog::Thread::run() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    const std::chrono::nanoseconds beat(block.heartbeat_ns.load(std::memory_order_relaxed));
    const TimePoint now = monotonic_now();
    const auto [stuck_for, next_in] = watch.look(now, TimePoint(beat));
    const Duration sleep = std::min(next_in, end_orphan(now));
    if (stuck_for) {
      lock.unlock();  // whoever ends us need not wait to say so
      on_stuck(*stuck_for);
      lock.lock();
    }
    if (!stopping) stopped.wait_for(lock, sleep);
  }
}

// Returns what it has left. SIGKILL, for the app may have taken every other signal.
Duration LoopWatchdog::Thread::end_orphan(TimePoint now) {
  if (::getppid() == orphanhood.parent) return Duration::max();
  if (!orphan_until) orphan_until = now + orphanhood.grace;
  if (now >= *orphan_until) ::kill(process, SIGKILL);
  return *orphan_until - now;
}

Result<std::unique_ptr<LoopWatchdog>> LoopWatchdog::start(Duration limit, const WorkerBlock& block,
                                                          OnStuck on_stuck, Orphanhood orphanhood) {
  std::unique_ptr<Thread> thread(new Thread{.watch = HangWatch(limit),
                                            .block = block,
                                            .on_stuck = std::move(on_stuck),
                                            .orphanhood = orphanhood});
  const auto main = [](void* self) noexcept -> void* {
    static_cast<Thread*>(self)->run();
    return nullptr;
  };
  const int error = start_service_thread("watchdog", main, thread.get(), thread->handle);
  if (error != 0) return fail(describe_errno("pthread_create", "the watchdog", error), error);
  return std::unique_ptr<LoopWatchdog>(new LoopWatchdog(std::move(thread)));
}

LoopWatchdog::LoopWatchdog(std::unique_ptr<Thread> thread) : thread_(std::move(thread)) {}

LoopWatchdog::~LoopWatchdog() {
  if (thread_->process != ::getpid()) {
    (void)thread_.release();  // its mutex may be locked for ever
    return;
  }
  {
    std::lock_guard lock(thread_->mutex);
    thread_->stopping = true;
  }
  thread_->stopped.notify_one();
  pthread_join(thread_->handle, nullptr);
}

}  // namespace tricorn
