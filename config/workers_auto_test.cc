// --workers auto: quotas of both cgroup versions, read from folders that look like /proc and /sys.
#include "config/workers_auto.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace tricorn {
namespace {

using Files = std::map<std::string, std::string>;

class CgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "tricorn-cgroup-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  std::optional<double> quota(const Files& files) {
    for (const auto& [path, text] : files) {
      std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
      std::ofstream(root_ + path) << text;
    }
    return cgroup_cpu_quota(root_);
  }
  std::string root_;
};

TEST_F(CgroupTest, NothingThereIsNoQuota) { EXPECT_EQ(quota({}), std::nullopt); }

TEST_F(CgroupTest, V2AtTheRootOfAContainer) {
  EXPECT_EQ(quota({{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}),
            1.5);
}

TEST_F(CgroupTest, V2MaxIsNoQuota) {
  EXPECT_EQ(quota({{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "max 100000\n"}}),
            std::nullopt);
}

TEST_F(CgroupTest, V2TheLeastQuotaOnTheWayUpHolds) {
  EXPECT_EQ(quota({{"/proc/self/cgroup", "0::/a/b/c\n"},
                   {"/sys/fs/cgroup/a/cpu.max", "200000 100000\n"},
                   {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
                   {"/sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n"}}),
            2.0);
}

TEST_F(CgroupTest, V1AndAPathOfTheHost) {
  EXPECT_EQ(quota({{"/proc/self/cgroup", "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n"},
                   {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000\n"},
                   {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            3.0);
}

TEST_F(CgroupTest, V1MinusOneIsNoQuota) {
  EXPECT_EQ(quota({{"/proc/self/cgroup", "4:cpu:/\n"},
                   {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                   {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            std::nullopt);
}

TEST(WorkersFor, RoundsUpWithinTheCpus) {
  EXPECT_EQ(workers_for(std::nullopt, 4), 4u);
  EXPECT_EQ(workers_for(1.5, 4), 2u);
  EXPECT_EQ(workers_for(2.0, 4), 2u);
  EXPECT_EQ(workers_for(0.1, 4), 1u);
  EXPECT_EQ(workers_for(16.0, 4), 4u);
  EXPECT_EQ(workers_for(std::nullopt, 0), 1u);
}

TEST(WorkersAuto, IsAtLeastOneHere) { EXPECT_GE(workers_auto(), 1u); }

}  // namespace
}  // namespace tricorn
