// Giving up root: what is left, and that it stays given up. Most of it takes root to begin with.
#include "supervisor/os/privileges.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

Result<> expect(bool holds, const std::string& what) {
  return holds ? Result<>() : fail("not so: " + what);
}

TEST(Privileges, ToStayAsWeAreTakesNone) {
  EXPECT_TRUE(may_become(ourselves()));
  EXPECT_EQ(become(ourselves()), nullptr);
  EXPECT_EQ(status_line("CapEff") != "", true) << "nothing was dropped, or asked for";
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
