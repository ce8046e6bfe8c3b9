// Relative paths and the current folder.
#include "config/paths.h"

#include <system_error>

namespace tricorn {

namespace fs = std::filesystem;

fs::path current_folder(const Environment& environment) {
  std::error_code ignored;
  auto pwd = environment.find("PWD");
  bool usable = pwd != environment.end() && pwd->second.starts_with('/') &&
                fs::equivalent(pwd->second, ".", ignored);
  return usable ? fs::path(pwd->second) : fs::current_path(ignored);
}

std::string in_folder(const std::string& folder, const std::string& path) {
  if (folder.empty() || path.empty()) return path;
  return (fs::path(folder) / path).lexically_normal().string();  // an absolute path stays itself
}

}  // namespace tricorn
