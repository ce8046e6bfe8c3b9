// parse_water_marks: the arguments of set_write_buffer_limits(high=None, low=None).
#pragma once

#include <cstddef>

#include "worker/asyncio/write_limits.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// In bytes, by asyncio's rules: low is a quarter of high unless told, high four times low, and
// `usual_high` if neither is told. False with ValueError or TypeError set.
bool parse_water_marks(PyObject* args, PyObject* keywords, size_t& high, size_t& low,
                       size_t usual_high = WriteLimits::kDefaultHigh);

}  // namespace tricorn
