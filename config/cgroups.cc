// Lines of /proc/self/cgroup: "0::/path" for v2, "4:cpu,cpuacct:/path" for v1.
#include "config/cgroups.h"

#include <fmt/core.h>

#include <sstream>

#include "config/read_text.h"

namespace tricorn {

std::vector<Cgroup> cgroups_of_process(std::string_view controller, const std::string& root) {
  std::vector<Cgroup> found;
  const std::string wanted = fmt::format(",{},", controller);
  std::istringstream lines(read_text(root + "/proc/self/cgroup").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    size_t first = line.find(':');
    size_t second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    bool v2 = controllers == ",,";
    if (v2 || controllers.find(wanted) != controllers.npos)
      found.push_back({v2, line.substr(second + 1)});
  }
  return found;
}

std::string mount_of(const Cgroup& cgroup, std::string_view controller, const std::string& root) {
  return cgroup.v2 ? root + "/sys/fs/cgroup" : fmt::format("{}/sys/fs/cgroup/{}", root, controller);
}

}  // namespace tricorn
