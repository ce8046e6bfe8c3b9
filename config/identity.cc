// Accounts and groups by name or by number. A name of digits is a name first, as for chown(1).
#include "config/identity.h"

#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <limits>

#include "config/option_values.h"

namespace tricorn {
namespace {

// (uid_t)-1 means "leave it as it is" to the system calls.
constexpr uint64_t kMostId = std::numeric_limits<uid_t>::max() - 1;

std::optional<uint32_t> id_in(const std::string& text) {
  auto number = parse_count(text);
  if (!number || *number > kMostId) return std::nullopt;
  return static_cast<uint32_t>(*number);
}

// With an account's name, home and group; of a number without an account, the number alone.
struct User {
  Identity identity;
  bool has_account = false;
};

User user_of(const passwd& account) {
  return {.identity = {.uid = account.pw_uid,
                       .gid = account.pw_gid,
                       .groups = {},
                       .user = account.pw_name,
                       .home = account.pw_dir},
          .has_account = true};
}

User user_of(uid_t uid) {
  if (const passwd* account = ::getpwuid(uid)) return user_of(*account);
  return {.identity = {.uid = uid, .gid = 0, .groups = {}, .user = "", .home = ""}};
}

Result<User> find_user(const std::string& text) {
  if (const passwd* account = ::getpwnam(text.c_str())) return user_of(*account);
  if (auto uid = id_in(text)) return user_of(*uid);
  return fail(fmt::format("there is no user '{}' here", text));
}

Result<gid_t> find_group(const std::string& text) {
  if (const group* entry = ::getgrnam(text.c_str())) return entry->gr_gid;
  if (auto gid = id_in(text)) return *gid;
  return fail(fmt::format("there is no group '{}' here", text));
}

std::vector<gid_t> groups_of(const std::string& user, gid_t gid) {
  std::vector<gid_t> groups(16);
  int count = static_cast<int>(groups.size());
  // It may answer differently each time (LDAP): only what it has filled counts.
  while (::getgrouplist(user.c_str(), gid, groups.data(), &count) < 0) {
    groups.resize(std::max(static_cast<size_t>(count), groups.size() * 2));
    count = static_cast<int>(groups.size());
  }
  groups.resize(static_cast<size_t>(count));
  return groups;
}

}  // namespace

std::string Identity::name() const {
  return "user " + (user.empty() ? fmt::format("{}", uid) : user);
}

Result<> check_user(const std::string& user) {
  auto found = find_user(user);
  if (!found) return pass_on(found);
  return {};
}

Result<> check_group(const std::string& group) {
  auto found = find_group(group);
  if (!found) return pass_on(found);
  return {};
}

Result<std::optional<Identity>> resolve_identity(const std::string& user,
                                                 const std::string& group) {
  if (user.empty() && group.empty()) return std::nullopt;
  auto found = user.empty() ? user_of(::geteuid()) : find_user(user);
  if (!found) return pass_on(found);
  Identity identity = std::move(found->identity);
  if (!group.empty()) {
    auto gid = find_group(group);
    if (!gid) return pass_on(gid);
    identity.gid = *gid;
  } else if (!found->has_account) {
    return fail(fmt::format("--user: no account has the number {}: name its group with --group",
                            identity.uid));
  }
  identity.groups = found->has_account ? groups_of(identity.user, identity.gid)
                                       : std::vector<gid_t>{identity.gid};
  return identity;
}

}  // namespace tricorn
