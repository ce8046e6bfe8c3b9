// The loop's clock: CLOCK_MONOTONIC, as time.monotonic() reads it, so that loop.time() can be
// compared with it.
#pragma once

#include <cstdint>

#include "common/clock.h"

namespace tricorn {

inline int64_t monotonic_ns() { return monotonic_now().time_since_epoch().count(); }
// As CPython converts: one division.
inline double seconds_of(int64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace tricorn
