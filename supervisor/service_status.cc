// READY, RELOADING, STOPPING and the one line for people.
#include "supervisor/service_status.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

namespace tricorn {
namespace {

std::string remark_on(const Policy& policy, const std::string& config_failure) {
  if (policy.stopping()) return ", stopping";
  if (policy.rolling()) return ", reloading";
  const std::string& failure = config_failure.empty() ? policy.reload_failure() : config_failure;
  return failure.empty() ? "" : "; the last reload failed: " + failure;
}

}  // namespace

void ServiceStatus::update(const Policy& policy) {
  if (!notifier_.enabled() || silent_) return;
  const auto ready = std::ranges::count_if(policy.slots(), &SlotView::serves);
  update_state(policy, policy.all_ready());
  auto status =
      policy.slot_count() == 0
          ? fmt::format("stopping, {} workers left", policy.workers().size())
          : fmt::format("{}/{} workers ready, generation {}{}", ready, policy.slot_count(),
                        policy.serving_generation(), remark_on(policy, config_failure_));
  if (status != status_) notifier_.status(status_ = std::move(status));
}

void ServiceStatus::update_state(const Policy& policy, bool all_ready) {
  if (policy.stopping()) {
    if (!std::exchange(stopping_, true)) notifier_.stopping();
  } else if (!started_ && all_ready) {
    started_ = true;
    notifier_.ready();
  } else if (reloading_ && !policy.rolling()) {
    reloading_ = false;
    notifier_.ready();
  }
}

// Nobody is told of a reload before the start has ended, or of one that a stop will swallow: the
// manager would wait for its end.
void ServiceStatus::reload_begins() {
  config_failure_.clear();
  if (!started_ || stopping_ || silent_) return;
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
