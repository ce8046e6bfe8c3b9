// Reads a whole text file that an option names.
#pragma once

#include <string>

#include "common/result.h"

namespace tricorn {

// An Error names the path. Files above 1 MiB are refused: no configuration is that long.
Result<std::string> read_text(const std::string& path);

}  // namespace tricorn
