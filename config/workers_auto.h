// --workers auto: as many workers as the process may use CPUs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tricorn {

// The CPU quota of the process's cgroup (v2, then v1) or of one above it, whichever is least;
// nullopt: no quota. `root` stands before /proc and /sys, for tests.
std::optional<double> cgroup_cpu_quota(const std::string& root = "");

// A quota of 1.5 CPUs makes 2 workers, never more than the `cpus` that the scheduler allows, at
// least 1.
uint32_t workers_for(std::optional<double> quota, uint32_t cpus);

// Both of the above for this process; the CPUs are those of its affinity mask.
uint32_t workers_auto();

}  // namespace tricorn
