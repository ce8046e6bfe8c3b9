// Signals as ordinary events: blocked for good and read from a signalfd by the loop, one at a time.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "common/result.h"
#include "common/unique_fd.h"
#include "supervisor/os/event_loop.h"

namespace tricorn {

// The signals that the master understands, SIGCHLD among them.
std::span<const int> master_signals();

// Blocks them, and ignores SIGPIPE. First thing in main(): a signal that comes while the master is
// still setting up waits for its turn instead of killing it.
Result<> block_master_signals();

// Reads blocked signals. `on_signal` may destroy everything but the source itself.
class SignalSource {
 public:
  static Result<std::unique_ptr<SignalSource>> create(EventLoop& loop,
                                                      std::function<void(int)> on_signal);

 private:
  SignalSource(EventLoop& loop, UniqueFd fd, std::function<void(int)> on_signal);
  void read_all();

  UniqueFd fd_;
  std::function<void(int)> on_signal_;
  FdWatcher watcher_;  // last: stops watching before the descriptor closes
};

}  // namespace tricorn
