// ServiceStatus: what the service manager is told, derived from the policy after every event.
#pragma once

#include <string>

#include "supervisor/os/notify.h"
#include "supervisor/policy/policy.h"

namespace tricorn {

class ServiceStatus {
 public:
  explicit ServiceStatus(Notifier notifier) : notifier_(std::move(notifier)) {}

  // READY=1 when all slots have been ready at once for the first time, and at the end of a reload,
  // whatever it came to; STOPPING=1 once, and after that neither; STATUS= whenever it changes.
  void update(const Policy& policy);
  // A reload was asked for; update() reports its end, at once if it has not begun by then.
  void reload_begins();
  // It ended before it began: the configuration is wrong.
  void reload_fails(const std::string& reason) { config_failure_ = reason; }

  // Another master speaks for the service, until take_charge().
  void stay_silent() { silent_ = true; }
  void hand_over(pid_t main_process);
  void take_charge();

  std::optional<Duration> watchdog_interval() const { return notifier_.watchdog_interval(); }
  void watchdog();

 private:
  void update_state(const Policy& policy, bool all_ready);

  Notifier notifier_;
  bool started_ = false;
  bool reloading_ = false;
  bool stopping_ = false;
  bool silent_ = false;
  std::string config_failure_;  // of the last reload
  std::string status_;
};

}  // namespace tricorn
