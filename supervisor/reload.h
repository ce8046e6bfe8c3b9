// Reading the configuration again, for a reload.
#pragma once

#include <string>
#include <vector>

#include "config/cli.h"
#include "supervisor/zygote_plan.h"

namespace tricorn {

struct Reloaded {
  ZygotePlan plan;
  uint32_t workers = 1;
  std::vector<std::string>
      warnings;  // of the parser, and one for each setting that only a restart can change
};

// Parses `argv` with `environment` again: whatever file they name may have changed. `started_with`:
// the options of the running master. An Error means that nothing may be touched.
Result<Reloaded> reread_config(const std::vector<std::string>& argv, const Environment& environment,
                               const Options& started_with,
                               const std::vector<ListenerSettings>& listeners);

}  // namespace tricorn
