// "oom_kill 3" in memory.events (cgroup v2) or memory.oom_control (v1, Linux 4.13).
#include "supervisor/os/oom_kills.h"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "config/cgroups.h"
#include "config/read_text.h"

namespace tricorn {
namespace {

constexpr std::string_view kController = "memory";

std::optional<uint64_t> oom_kills_in(const std::string& file) {
  std::istringstream words(read_text(file).value_or(""));
  std::string key;
  uint64_t value = 0;
  while (words >> key >> value) {
    if (key == "oom_kill") return value;
  }
  return std::nullopt;
}

}  // namespace

// In a container the path may name folders of the host that are not mounted; then the nearest
// folder above it that is there is the container's own group.
OomKills::OomKills(const std::string& root) {
  for (const Cgroup& cgroup : cgroups_of_process(kController, root)) {
    const std::string mount = mount_of(cgroup, kController, root);
    const std::string name = cgroup.v2 ? "/memory.events" : "/memory.oom_control";
    std::string path = cgroup.path == "/" ? "" : cgroup.path;
    for (;;) {
      std::string file = fmt::format("{}{}{}", mount, path, name);
      if (auto kills = oom_kills_in(file)) {
        file_ = std::move(file);
        cgroup_ = cgroup.path;
        claimed_ = at_last_look_ = *kills;
        return;
      }
      if (path.empty()) break;
      path.resize(path.rfind('/') == path.npos ? 0 : path.rfind('/'));
    }
  }
}

std::optional<uint64_t> OomKills::count() const {
  return file_.empty() ? std::nullopt : oom_kills_in(file_);
}

void OomKills::expire() {
  claimed_ = std::max(claimed_, at_last_look_);
  at_last_look_ = count().value_or(at_last_look_);
}

bool OomKills::claim() {
  if (count().value_or(0) <= claimed_) return false;
  ++claimed_;
  return true;
}

}  // namespace tricorn
