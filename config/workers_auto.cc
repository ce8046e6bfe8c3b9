// The CPU quota: cpu.max (cgroup v2), cpu.cfs_quota_us and cpu.cfs_period_us (v1).
#include "config/workers_auto.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "config/cgroups.h"
#include "config/read_text.h"

namespace tricorn {
namespace {

std::optional<double> number_in(const std::string& path) {
  std::istringstream text(read_text(path).value_or(""));
  double value;
  return text >> value ? std::optional(value) : std::nullopt;
}

std::optional<double> quota_in_v2(const std::string& folder) {
  std::istringstream text(read_text(folder + "/cpu.max").value_or(""));
  double quota, period;  // "max 100000" has no quota: not a number
  if (!(text >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

std::optional<double> quota_in_v1(const std::string& folder) {
  auto quota = number_in(folder + "/cpu.cfs_quota_us");  // -1: none
  auto period = number_in(folder + "/cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

}  // namespace

std::optional<double> cgroup_cpu_quota(const std::string& root) {
  std::optional<double> least;
  for (const Cgroup& cgroup : cgroups_of_process("cpu", root)) {
    const std::string mount = mount_of(cgroup, "cpu", root);
    // Up to the mount's root: a quota holds for everything below it. In a container the path may
    // name folders of the host that are not mounted; then only the root is there, and it is the
    // container's own group.
    std::string path = cgroup.path == "/" ? "" : cgroup.path;
    while (true) {
      auto quota = cgroup.v2 ? quota_in_v2(mount + path) : quota_in_v1(mount + path);
      if (quota) least = std::min(*quota, least.value_or(*quota));
      if (path.empty()) break;
      path.resize(path.rfind('/') == path.npos ? 0 : path.rfind('/'));
    }
  }
  return least;
}

uint32_t workers_for(std::optional<double> quota, uint32_t cpus) {
  double allowed = std::ceil(quota.value_or(cpus));
  return std::max(1u, static_cast<uint32_t>(std::min<double>(allowed, cpus)));
}

uint32_t workers_auto() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  // Machines with more than 1024 CPUs do not fit the mask.
  long cpus = ::sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask)
                                                              : ::sysconf(_SC_NPROCESSORS_ONLN);
  return workers_for(cgroup_cpu_quota(), static_cast<uint32_t>(std::max(1L, cpus)));
}

}  // namespace tricorn
