// ServiceStatus: what the service manager is told, derived from the policy after every event.
#pragma once

#include <string>

#include "supervisor/os/notify.h"
#include "supervisor/policy/policy.h"

namespace tricorn {

class ServiceStatus {
 public:
  // Ready is reported when `workers` slots have been ready at once for the first time.
  ServiceStatus(Notifier notifier, uint32_t workers)
      : notifier_(std::move(notifier)), workers_(workers) {}

  void update(const Policy& policy);
  // A reload was asked for; update() reports its end. One that fails at once ends at once.
  void reload_begins();

  // Another master speaks for the service, until take_charge().
  void stay_silent() { silent_ = true; }
  void hand_over(pid_t main_process);
  void take_charge();

  std::optional<Duration> watchdog_interval() const { return notifier_.watchdog_interval(); }
  void watchdog();

 private:
  Notifier notifier_;
  uint32_t workers_;
  bool started_ = false;
  bool reloading_ = false;
  bool stopping_ = false;
  bool silent_ = false;
  std::string status_;
};

}  // namespace tricorn
