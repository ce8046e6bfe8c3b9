// Drain: what a worker that retires or stops says to its connections. PURE: decides, the server
// acts.
#pragma once

#include <cstdint>

#include "common/control_message.h"

namespace tricorn {

enum class Farewell : uint8_t {
  kLastResponse,       // serve on; the next response says connection: close
  kCloseIdle,          // likewise, and an idle connection is closed now
  kAwaitFirstRequest,  // as kLastResponse, with a short deadline for the request that may be on its
                       // way
};

class Drain {
 public:
  // A stop may overtake a retirement; nothing leads back.
  void begin(DrainMode mode) {
    if (!active_ || mode == DrainMode::kStop) mode_ = mode;
    active_ = true;
  }
  // Idle connections had their chance.
  void pass_deadline() { deadline_passed_ = true; }
  bool active() const { return active_; }

  // Closing an idle keep-alive connection fails the request of a client that is just sending one. A
  // retiring worker has a successor and waits for it; a stopping one does so only where the client
  // had no answer at all yet.
  Farewell farewell(bool had_request) const {
    if (deadline_passed_) return Farewell::kCloseIdle;
    if (mode_ == DrainMode::kRetire) return Farewell::kLastResponse;
    return had_request ? Farewell::kCloseIdle : Farewell::kAwaitFirstRequest;
  }

 private:
  bool active_ = false;
  bool deadline_passed_ = false;
  DrainMode mode_ = DrainMode::kRetire;
};

}  // namespace tricorn
