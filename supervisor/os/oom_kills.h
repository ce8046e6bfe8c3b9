// OomKills: whether the kernel has killed a process of our cgroup for want of memory. Files that
// are not there (no cgroups, no memory controller) say that it has not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tricorn {

class OomKills {
 public:
  // `root` stands before /proc and /sys, for tests. The first look is at once.
  explicit OomKills(const std::string& root = "");

  // A kill was counted that no exit has claimed yet: this one does.
  bool claim();
  // To be called now and then: what nobody has claimed since the last time was another process, for
  // an exit follows its kill soon.
  void expire();
  const std::string& cgroup() const { return cgroup_; }  // "/system.slice/app.service"

 private:
  std::optional<uint64_t> count() const;

  std::string file_;  // "": none
  std::string cgroup_;
  uint64_t claimed_ = 0;       // kills up to here are accounted for
  uint64_t at_last_look_ = 0;  // of expire()
};

}  // namespace tricorn
