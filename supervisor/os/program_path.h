// Which file is run: by a name that is looked for, or by a path.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tricorn {

bool is_executable(const std::filesystem::path& path);
// The executable `name` in the first folder of `search_path` ($PATH) that has it.
std::optional<std::string> executable_on_path(std::string_view name, std::string_view search_path);

// The file that the command which started this program would run now: `command` is argv[0], and
// what it leads to may have been replaced since. `running`: the link target of /proc/self/exe, for
// one that leads nowhere.
std::string program_path(const std::string& command, std::string_view search_path,
                         std::string running);

}  // namespace tricorn
