// setgroups, setresgid, setresuid, in the only order that works; then the look whether it holds.
#include "supervisor/os/privileges.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "common/syscall.h"
#include "common/unique_fd.h"

namespace tricorn {
namespace {

struct Capability {
  int number;
  const char* name;
};
constexpr Capability kSetgid{CAP_SETGID, "setgid"};
constexpr Capability kSetuid{CAP_SETUID, "setuid"};
constexpr Capability kKill{CAP_KILL, "kill"};

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

bool has(const Capability& capability) noexcept {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilitySets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  return (sets[CAP_TO_INDEX(capability.number)].effective & CAP_TO_MASK(capability.number)) != 0;
}

bool is_already(const Identity& identity) noexcept {
  uid_t uid[3];
  gid_t gid[3];
  if (::getresuid(&uid[0], &uid[1], &uid[2]) != 0) return false;
  if (::getresgid(&gid[0], &gid[1], &gid[2]) != 0) return false;
  for (int i = 0; i < 3; ++i) {
    if (uid[i] != identity.uid || gid[i] != identity.gid) return false;
  }
  return true;
}

// A change of user does it only where root was left; capabilities can be had without root.
bool drop_capabilities() noexcept {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilitySets none{};
  return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
         ::syscall(SYS_capset, &header, none.data()) == 0;
}

bool can_return(const Identity& identity) noexcept {
  constexpr auto kSame = static_cast<uid_t>(-1);
  return ::setresuid(kSame, 0, kSame) == 0 ||
         (identity.gid != 0 && ::setresgid(kSame, 0, kSame) == 0);
}

std::string read_all(int fd) {
  std::string text;
  char buffer[512];
  for (;;) {
    auto got = sys("read", "", [&] { return ::read(fd, buffer, sizeof buffer); });
    if (!got || *got == 0) return text;
    text.append(buffer, static_cast<size_t>(*got));
  }
}

std::string failure_of(const Identity& identity, const std::function<Result<>()>& work) {
  if (const char* call = become(identity)) {
    return describe_errno("become", identity.name() + ": " + call, errno);
  }
  auto done = work();
  return done ? "" : fmt::format("{} (as {})", done.error().message, identity.name());
}

}  // namespace

Result<> may_become(const Identity& identity) {
  if (is_already(identity)) return {};
  std::string missing;
  auto need = [&](const Capability& capability) {
    if (!has(capability)) missing += (missing.empty() ? "" : ", ") + std::string(capability.name);
  };
  need(kSetgid);
  if (identity.uid != ::geteuid()) {
    need(kSetuid);
    need(kKill);
  }
  if (missing.empty()) return {};
  return fail(fmt::format("cannot run the app as {} with group {}: that takes capabilities which "
                          "this process lacks ({}); start it as root, or leave out --user and "
                          "--group",
                          identity.name(), identity.gid, missing),
              EPERM);
}

const char* become(const Identity& identity) noexcept {
  const auto& [uid, gid, groups, user, home] = identity;
  const bool already = is_already(identity);
  // Who is that user already may still have somebody else's groups, and capabilities.
  if ((!already || has(kSetgid)) && ::setgroups(groups.size(), groups.data()) != 0) {
    return "setgroups";
  }
  if (!already && ::setresgid(gid, gid, gid) != 0) return "setresgid";
  if (!already && ::setresuid(uid, uid, uid) != 0) return "setresuid";
  if (uid == 0) return nullptr;
  if (!drop_capabilities()) return "capset";
  if (!can_return(identity)) return nullptr;
  errno = EPERM;
  return "root's rights could be had again";
}

Result<> run_as(const Identity& identity, const std::function<Result<>()>& work) {
  int ends[2];
  auto made = sys("pipe", "", [&] { return ::pipe2(ends, O_CLOEXEC); });
  if (!made) return pass_on(made);
  UniqueFd reader(ends[0]), writer(ends[1]);
  pid_t child = ::fork();
  if (child < 0) return fail(describe_errno("fork", "", errno), errno);
  if (child == 0) {
    std::string failure = failure_of(identity, work);
    (void)!::write(writer.get(), failure.data(), failure.size());
    ::_exit(0);
  }
  writer.reset();
  std::string failure = read_all(reader.get());
  int status = 0;
  auto reaped = sys("waitpid", "", [&] { return ::waitpid(child, &status, 0); });
  if (!reaped) return pass_on(reaped);
  if (!failure.empty()) return fail(std::move(failure));
  if (status != 0) return fail(fmt::format("the try as {} did not end well", identity.name()));
  return {};
}

}  // namespace tricorn
