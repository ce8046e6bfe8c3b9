// What no option can check alone: whether together they make sense, on this machine, now.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "config/cli.h"

namespace tricorn {

// Makes folders absolute, after a look whether they are there, and finds out who --user and --group
// are. Appends to `warnings` what has no effect.
Result<> validate(Options& options, const Environment& environment,
                  std::vector<std::string>& warnings);

}  // namespace tricorn
