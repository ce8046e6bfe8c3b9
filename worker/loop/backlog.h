// Backlog: why the loop must not sleep now.
#pragma once

#include "worker/loop/ready_ring.h"
#include "worker/python/py_ref.h"

namespace tricorn {

struct Backlog {
  ReadyRing<PyRef> ready;  // Handles, in the order they will run
  bool stopping = false;   // stop() was called: this turn is the last
  PyRef
      interrupt;  // a KeyboardInterrupt or SystemExit raised in an I/O callback: leaves run_forever

  bool pending() const { return !ready.empty() || stopping || interrupt; }
};

}  // namespace tricorn
