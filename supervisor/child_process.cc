// Signals by pidfd; by pid only when no descriptor was left for one, which is safe until the child
// is reaped.
#include "supervisor/child_process.h"

#include <csignal>

#include "common/logging.h"
#include "supervisor/os/process_ops.h"

namespace tricorn {

void SignalTarget::set(pid_t pid) {
  pid_ = pid;
  auto opened = open_pidfd(pid);
  if (opened) {
    pidfd_ = std::move(*opened);
  } else {
    log_warning("{}", opened.error().message);
  }
}

void SignalTarget::signal(int signal) const {
  if (pid_ == 0) return;
  if (!pidfd_) {
    ::kill(pid_, signal);
    return;
  }
  auto sent = signal_process(pidfd_, signal);
  if (!sent) log_error("pid {}: {}", pid_, sent.error().message);
}

}  // namespace tricorn
