// The two sources of settings beside the command line: the environment and the configuration file.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "config/cli.h"
#include "config/settings.h"

namespace tricorn {

// TRICORN_<OPTION> for every option, and the variables of others that are honoured (PORT,
// WEB_CONCURRENCY). An empty one counts as unset. Several values of one option stand on several
// lines. Warns of TRICORN_* variables that look mistyped.
Settings read_environment_settings(const Environment& environment,
                                   std::vector<std::string>& warnings);

// Keys are option names, "_" or "-". An unreadable file, a malformed line or an unknown key is an
// Error.
Result<Settings> read_file_settings(const std::string& path);

}  // namespace tricorn
