// argv → settings: CLI11's only door. Nothing is interpreted here; values stay text.
#pragma once

#include "common/result.h"
#include "config/settings.h"

namespace tricorn {

// An unknown option, a missing value or a surplus argument is an Error.
Result<Settings> read_arguments(int argc, const char* const* argv);

}  // namespace tricorn
