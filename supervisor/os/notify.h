// sd_notify(3) without libsystemd: tells the service manager how the server is, over
// $NOTIFY_SOCKET.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/unique_fd.h"
#include "config/cli.h"

namespace tricorn {

// Without a service manager every call does nothing. Never blocks; a lost notification is not an
// error.
class Notifier {
 public:
  Notifier() = default;
  // Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of `environment`: workers must not
  // speak for us.
  static Notifier take_from(Environment& environment);

  void ready();
  void reloading();  // with the monotonic time that Type=notify-reload asks for
  void stopping();
  void status(std::string_view text);  // one line for `systemctl status`
  void watchdog();
  void main_process(pid_t pid);  // who speaks for the service from now on

  // How often watchdog() must be called; nullopt: the service has no watchdog.
  std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }
  bool enabled() const { return static_cast<bool>(socket_); }

 private:
  void send(std::string_view state) const;

  UniqueFd socket_;
  std::string address_;  // a path, or "@name" for an abstract socket
  std::optional<Duration> watchdog_interval_;
};

}  // namespace tricorn
