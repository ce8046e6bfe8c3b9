// Identity: whom zygotes and workers run as, in the numbers that the kernel knows.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace tricorn {

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // the supplementary ones, `gid` among them
  std::string user;           // its name; "" when no account has this number
  std::string home;           // "" likewise

  std::string name() const;  // for messages: "user www-data", "user 1000"
  bool operator==(const Identity&) const = default;
};

// Whether --user and --group name something, each by name or by number. Asks the system's accounts.
Result<> check_user(const std::string& user);
Result<> check_group(const std::string& group);

// What --user and --group mean together; nullopt when both are "". A user's group is that of its
// account unless `group` names another, and its supplementary groups come along (initgroups).
Result<std::optional<Identity>> resolve_identity(const std::string& user, const std::string& group);

}  // namespace tricorn
