// The cgroups that this process belongs to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tricorn {

struct Cgroup {
  bool v2 = false;
  std::string path;  // "/", "/system.slice/app.service"
};

// That of v2, and that of `controller` ("cpu") of v1; each is there or not. `root` stands before
// /proc, for tests.
std::vector<Cgroup> cgroups_of_process(std::string_view controller, const std::string& root = "");
// Where v2, or that controller, is mounted.
std::string mount_of(const Cgroup& cgroup, std::string_view controller, const std::string& root);

}  // namespace tricorn
