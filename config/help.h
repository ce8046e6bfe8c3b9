// The texts of --help and --version.
#pragma once

#include <string>

namespace tricorn {

std::string help_text();  // at most 100 columns
std::string version_text();

}  // namespace tricorn
