// Where relative paths count from.
#pragma once

#include <filesystem>
#include <string>

#include "config/cli.h"

namespace tricorn {

// The current folder by the name that the shell knows: a link stays a link, so that a reload finds
// what it points to by then ("current" → the newest release).
std::filesystem::path current_folder(const Environment& environment);

// `path`, counted from `folder` if both are there and it is relative.
std::string in_folder(const std::string& folder, const std::string& path);

}  // namespace tricorn
