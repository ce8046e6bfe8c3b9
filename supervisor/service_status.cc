// READY, RELOADING, STOPPING and the one line for people.
#include "supervisor/service_status.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

namespace tricorn {

void ServiceStatus::update(const Policy& policy) {
  if (!notifier_.enabled() || silent_) return;
  auto views = policy.workers();
  auto ready = static_cast<uint32_t>(
      std::ranges::count(views, WorkerView::State::kReady, &WorkerView::state));
  if (!started_ && ready >= workers_) {
    started_ = true;
    notifier_.ready();
  }
  if (reloading_ && started_ && !policy.rolling()) {
    reloading_ = false;
    notifier_.ready();
  }
  if (!stopping_ && policy.stopping()) {
    stopping_ = true;
    notifier_.stopping();
  }
  auto status = fmt::format("generation {}, {} of {} workers ready{}", policy.serving_generation(),
                            ready, views.size(),
                            policy.stopping()  ? ", stopping"
                            : policy.rolling() ? ", reloading"
                                               : "");
  if (status != status_) notifier_.status(status_ = std::move(status));
}

void ServiceStatus::reload_begins() {
  if (silent_) return;
  reloading_ = true;
  notifier_.reloading();
}

void ServiceStatus::hand_over(pid_t main_process) {
  notifier_.main_process(main_process);
  silent_ = true;
}

void ServiceStatus::take_charge() {
  notifier_.main_process(::getpid());
  silent_ = false;
  status_.clear();
  if (started_) notifier_.ready();
}

void ServiceStatus::watchdog() {
  if (!silent_) notifier_.watchdog();
}

}  // namespace tricorn
