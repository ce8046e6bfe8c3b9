// ZygotePlan: all that one generation of zygote and workers is made from. A value: a respawned
// zygote gets the same.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/worker_settings.h"
#include "config/cli.h"
#include "config/options.h"
#include "supervisor/os/interpreter.h"

namespace tricorn {

struct ZygotePlan {
  Interpreter interpreter;
  std::vector<std::string> environment;  // "NAME=value"
  std::optional<Identity> identity;      // nullopt: the master's own
  std::string folder;                    // "": the master's own
  WorkerSettings settings;
};

// Fails when there is no interpreter, or when the user of the workers cannot open the access log
// (its file is made). `listeners`: the bound sockets, in the order in which they will be passed.
Result<ZygotePlan> plan_zygote(const Options& options, const Environment& environment,
                               std::vector<ListenerSettings> listeners);

// Starts the interpreter with the control socket inherited at `control_fd`. What goes wrong after
// the exec shows as the zygote's exit.
Result<pid_t> launch_zygote(const ZygotePlan& plan, int control_fd);

}  // namespace tricorn
