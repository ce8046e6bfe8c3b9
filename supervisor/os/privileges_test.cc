// Giving up root: what is left, and that it stays given up. Most of it takes root to begin with.
#include "supervisor/os/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/syscall.h"

namespace tricorn {
namespace {

namespace fs = std::filesystem;

const Identity& nobody() {
  static const Identity identity{
      .uid = 65534, .gid = 4711, .groups = {4711, 4712}, .user = "nobody", .home = "/nonexistent"};
  return identity;
}

Identity ourselves() {
  return {.uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .user = "", .home = ""};
}

// A line of /proc/self/status, without its label.
std::string status_line(const std::string& label) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(label + ":\t")) return line.substr(label.size() + 2);
  }
  return "";
}

// What a change of user left permitted is effective again.
void raise_permitted_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  ::syscall(SYS_capget, &header, sets.data());
  for (auto& set : sets) set.effective = set.permitted;
  ::syscall(SYS_capset, &header, sets.data());
}

Result<> expect(bool holds, const std::string& what) {
  return holds ? Result<>() : fail("not so: " + what);
}

TEST(Privileges, ToStayAsWeAreTakesNone) {
  EXPECT_TRUE(may_become(ourselves()));
  auto done = run_as(ourselves(), [] { return Result<>(); });
  EXPECT_TRUE(done) << done.error().message;
}

TEST(Privileges, WhatIsMissingIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root lacks nothing";
  auto may = may_become({.uid = 0, .gid = 0, .groups = {}, .user = "root", .home = "/root"});
  ASSERT_FALSE(may);
  EXPECT_NE(may.error().message.find("as user root"), std::string::npos);
  EXPECT_NE(may.error().message.find("(setgid, setuid, kill)"), std::string::npos);
}

class PrivilegesOfRoot : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "takes root";
    ASSERT_TRUE(may_become(nobody()));
  }
  static void expect_as_nobody(const std::function<Result<>()>& work) {
    auto done = run_as(nobody(), work);
    EXPECT_TRUE(done) << done.error().message;
  }
};

TEST_F(PrivilegesOfRoot, AllIdsAndGroupsChange) {
  expect_as_nobody(
      [] { return expect(status_line("Uid") == "65534\t65534\t65534\t65534", "uid"); });
  expect_as_nobody([] { return expect(status_line("Gid") == "4711\t4711\t4711\t4711", "gid"); });
  expect_as_nobody([] { return expect(status_line("Groups") == "4711 4712 ", "groups"); });
  EXPECT_EQ(::geteuid(), 0u) << "we are what we were";
}

TEST_F(PrivilegesOfRoot, NoCapabilityIsLeftAndNoWayBack) {
  const std::string none(16, '0');
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    expect_as_nobody([&] { return expect(status_line(set) == none, set); });
  }
  expect_as_nobody([] { return expect(::setuid(0) == -1 && ::seteuid(0) == -1, "no root"); });
  expect_as_nobody([] { return expect(::setegid(0) == -1, "no group of root"); });
}

TEST_F(PrivilegesOfRoot, WhoIsThatUserAlreadyLosesCapabilitiesAndForeignGroups) {
  const gid_t foreign[] = {0};
  const pid_t child = ::fork();
  if (child == 0) {
    const Identity user = nobody();
    ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    (void)(::setgroups(1, foreign) == 0 && ::setresgid(user.gid, user.gid, user.gid) == 0 &&
           ::setresuid(user.uid, user.uid, user.uid) == 0);
    raise_permitted_capabilities();
    const std::string none(16, '0');
    const bool had = status_line("Groups") == "0 " && status_line("CapEff") != none;
    const bool became = become(user) == nullptr;
    const bool lost = status_line("Groups") == "4711 4712 " && status_line("CapEff") == none;
    ::_exit((had ? 0 : 1) | (became ? 0 : 2) | (lost ? 0 : 4));
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PrivilegesOfRoot, WorkIsDoneWithTheRightsOfTheUser) {
  std::string folder = testing::TempDir() + "privilegesXXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/made";
  auto make = [&]() -> Result<> {
    auto made = sys("open", path, [&] { return ::open(path.c_str(), O_CREAT | O_WRONLY, 0644); });
    if (!made) return pass_on(made);
    return {};
  };
  auto refused = run_as(nobody(), make);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "open " + path + ": Permission denied (as user nobody)");
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  EXPECT_TRUE(run_as(nobody(), make));
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 65534u);
  EXPECT_EQ(info.st_gid, 4711u);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace tricorn
