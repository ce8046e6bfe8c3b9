// OomKills over folders that look like /proc and /sys.
#include "supervisor/os/oom_kills.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tricorn {
namespace {

class OomKillsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "tricorn-oom-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST_F(OomKillsTest, NothingThereIsNoKill) {
  OomKills kills(root_);
  EXPECT_FALSE(kills.claim());
  EXPECT_EQ(kills.cgroup(), "");
}

TEST_F(OomKillsTest, EachKillSinceTheStartIsClaimedOnce) {
  const std::string events = "/sys/fs/cgroup/system.slice/app.service/memory.events";
  write("/proc/self/cgroup", "0::/system.slice/app.service\n");
  write(events, "low 0\nhigh 0\nmax 9\noom 5\noom_kill 4\noom_group_kill 0\n");
  OomKills kills(root_);
  EXPECT_EQ(kills.cgroup(), "/system.slice/app.service");
  EXPECT_FALSE(kills.claim()) << "those before the start are not ours";
  write(events, "low 0\nhigh 0\nmax 9\noom 7\noom_kill 6\noom_group_kill 0\n");
  EXPECT_TRUE(kills.claim());
  EXPECT_TRUE(kills.claim());
  EXPECT_FALSE(kills.claim());
}

TEST_F(OomKillsTest, AKillThatNoExitClaimsWasAnothersAndExpires) {
  write("/proc/self/cgroup", "0::/a\n");
  write("/sys/fs/cgroup/a/memory.events", "oom_kill 0\n");
  OomKills kills(root_);
  write("/sys/fs/cgroup/a/memory.events", "oom_kill 1\n");
  kills.expire();
  kills.expire();
  EXPECT_FALSE(kills.claim());
  write("/sys/fs/cgroup/a/memory.events", "oom_kill 2\n");
  kills.expire();
  EXPECT_TRUE(kills.claim()) << "one look is not enough: the process may still be dying";
}

TEST_F(OomKillsTest, V1CountsInOomControl) {
  const std::string control = "/sys/fs/cgroup/memory/docker/abc/memory.oom_control";
  write("/proc/self/cgroup", "5:cpu:/other\n4:memory:/docker/abc\n0::/x\n");
  write(control, "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
  OomKills kills(root_);
  write(control, "oom_kill_disable 0\nunder_oom 1\noom_kill 1\n");
  EXPECT_TRUE(kills.claim());
}

TEST_F(OomKillsTest, InAContainerThatSeesTheHostsPathTheMountsRootCounts) {
  write("/proc/self/cgroup", "0::/docker/abc\n");
  write("/sys/fs/cgroup/memory.events", "oom_kill 0\n");
  OomKills kills(root_);
  write("/sys/fs/cgroup/memory.events", "oom_kill 1\n");
  EXPECT_TRUE(kills.claim());
}

TEST_F(OomKillsTest, AFileThatVanishesSaysNothing) {
  write("/proc/self/cgroup", "0::/a\n");
  write("/sys/fs/cgroup/a/memory.events", "oom_kill 2\n");
  OomKills kills(root_);
  std::filesystem::remove_all(root_ + "/sys");
  EXPECT_FALSE(kills.claim());
}

}  // namespace
}  // namespace tricorn
