// CtlCommand: what `tricorn ctl ...` was told, resolved and checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "config/cli.h"
#include "supervisor/steering/steering_request.h"

namespace tricorn {

struct CtlCommand {
  bool help = false;  // and nothing else
  SteeringRequest request;
  std::string socket_path;
  bool json = false;
  bool must_serve = false;           // status --ready
  std::optional<Duration> patience;  // nullopt: as long as it takes
};

// `words`: what stands after "ctl". Reads the configuration file if it needs it to find the socket.
// An Error is one line, for exit code 2.
Result<CtlCommand> parse_ctl_command(const std::vector<std::string>& words,
                                     const Environment& environment);

std::string ctl_help();

}  // namespace tricorn
