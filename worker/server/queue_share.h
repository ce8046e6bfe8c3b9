// Whose connections a worker takes where several sockets share an address (--reuse-port): the
// kernel deals new connections out among them by a hash, each into an accept queue of its own.
// PURE.
//
// A queue is the business of two workers, so that it is served while one of them is dead, blocked
// or not there yet: that of the slot of its number, and the next. Where slots are missing, those
// that follow take their place; every worker has all the sockets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/clock.h"
#include "common/scoreboard.h"

namespace tricorn {

// Whether the worker of `own_slot` serves queue `part` of `parts`; `ready_slots` are the slots of
// all that could, in any order, with or without its own.
bool serves_queue(uint32_t part, uint32_t parts, uint32_t own_slot,
                  std::span<const uint32_t> ready_slots);

// The slots of the workers that are ready and alive.
std::vector<uint32_t> ready_slots(std::span<const WorkerBlock> blocks, TimePoint now);

}  // namespace tricorn
