// What a shell does with a command's name.
#include "supervisor/os/program_path.h"

#include <unistd.h>

namespace tricorn {

namespace fs = std::filesystem;

bool is_executable(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<std::string> executable_on_path(std::string_view name, std::string_view search_path) {
  while (!search_path.empty()) {
    auto end = search_path.find(':');
    auto candidate = fs::path(search_path.substr(0, end)) / name;
    if (is_executable(candidate)) return candidate.lexically_normal().string();
    search_path = end == search_path.npos ? "" : search_path.substr(end + 1);
  }
  return std::nullopt;
}

std::string program_path(const std::string& command, std::string_view search_path,
                         std::string running) {
  if (command.find('/') != std::string::npos) return command;
  if (auto found = executable_on_path(command, search_path)) return *found;
  // As the kernel names a file that is no more; an upgrade may have put another in its place.
  constexpr std::string_view kDeleted = " (deleted)";
  if (running.ends_with(kDeleted)) running.resize(running.size() - kDeleted.size());
  return running;
}

}  // namespace tricorn
