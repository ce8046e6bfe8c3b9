// Who takes the next connection: what a worker does with its place among the listeners' waiters.
// PURE.
//
// The kernel wakes one EPOLLEXCLUSIVE waiter per connection: the first in line that sleeps. It does
// not rotate them, and it wakes nobody else for a connection that the woken worker leaves in the
// queue. So a worker never refuses what it was woken for; it decides afterwards where to wait for
// the next one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/clock.h"
#include "common/scoreboard.h"

namespace tricorn {

enum class WaitingPlace : uint8_t {
  kKeep,         // stay where we are in the line
  kBack,         // go to its end
  kStepOutside,  // leave the line for kStepOutsideTime: siblings have clearly fewer connections
};

inline constexpr uint32_t kRotateEvery = 16;  // accepts; the line moves even among equals
inline constexpr Duration kStepOutsideTime = std::chrono::milliseconds(20);
// The accept queue is looked at so often without a wake-up: the kernel may have spent it on a
// worker that was killed, or that waits for its interpreter lock.
inline constexpr Duration kLookAgainTime = std::chrono::milliseconds(500);
// A sibling that missed its heartbeats is stuck: nothing is left for it.
inline constexpr Duration kSiblingAlive = std::chrono::milliseconds(1200);

// `own` and `least`: open connections here, and at the least loaded sibling that could take one
// (none: no sibling).
WaitingPlace next_waiting_place(uint32_t own, std::optional<uint32_t> least,
                                uint32_t accepts_since_rotation);

// How many connections a worker takes at once that comes back from outside of the line. What waits
// then, its siblings did not take: they are busy, or their wake-ups are spent. Some of it at least,
// lest it waits for kLookAgainTime, but no more than keeps the lead that is tolerated.
uint32_t catch_up_budget(uint32_t own, std::optional<uint32_t> least);

// Ready, and not missing its heartbeats.
bool can_accept(const WorkerBlock& block, TimePoint now);

// The least number of connections among the other workers that are ready and alive.
std::optional<uint32_t> least_loaded_sibling(std::span<const WorkerBlock> blocks, size_t own_board,
                                             TimePoint now);

}  // namespace tricorn
