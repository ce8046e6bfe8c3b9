// Monotonic time. Pure code takes a TimePoint as an argument; only edges (runner, loop, server)
// call monotonic_now().
#pragma once

#include <chrono>
#include <cstdint>

namespace tricorn {

using Clock =
    std::chrono::steady_clock;  // CLOCK_MONOTONIC: a changed wall clock never fires a timeout
using TimePoint = Clock::time_point;
using Duration = Clock::duration;  // nanoseconds

inline TimePoint monotonic_now() { return Clock::now(); }
constexpr Duration milliseconds(int64_t count) { return std::chrono::milliseconds(count); }

}  // namespace tricorn
