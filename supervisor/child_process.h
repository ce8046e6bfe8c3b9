// What the master keeps of each child it has: a pid that dies when it is reaped, a pidfd and a
// control channel.
#pragma once

#include <sys/types.h>

#include <string>

#include "supervisor/os/control_channel.h"
#include "supervisor/policy/policy_types.h"

namespace tricorn {

// A process that can be signalled until it has been reaped; pid 0 before it is known.
class SignalTarget {
 public:
  void set(pid_t pid);
  pid_t pid() const { return pid_; }
  void signal(int signal) const;

 private:
  pid_t pid_ = 0;
  UniqueFd pidfd_;
};

struct ZygoteProcess {
  ZygoteProcess(Generation number, UniqueFd control)
      : generation(number), channel(std::move(control)) {}

  Generation generation;
  SignalTarget process;
  bool exited =
      false;  // reaped; spawns that it had begun may still be reported by their intermediates
  bool closed = false;  // no such intermediate is left either
  ControlChannel channel;
};

struct WorkerProcess {
  WorkerProcess(const SpawnWorker& order, uint32_t block, UniqueFd control)
      : id(order.worker),
        slot(order.slot),
        generation(order.generation),
        board(block),
        channel(std::move(control)) {}

  WorkerId id;
  SlotId slot;
  Generation generation;
  uint32_t board;
  SignalTarget process;  // known, and the channel read, from kSpawned on
  bool ready = false;
  bool told_listening = false;
  ControlChannel channel;
};

}  // namespace tricorn
