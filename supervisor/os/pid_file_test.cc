// PidFile: stale, held, foreign and replaced files.
#include "supervisor/os/pid_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tricorn {
namespace {

namespace fs = std::filesystem;

class PidFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "pidfileXXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    path_ = (folder_ / "tricorn.pid").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string content() {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& text) { std::ofstream(path_) << text; }

  fs::path folder_;
  std::string path_;
};

TEST_F(PidFileTest, HoldsOurPidAndGoesWithUs) {
  {
    auto file = PidFile::create(path_);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(PidFileTest, TakesOverAStaleFile) {
  write("4194000123\n");
  auto file = PidFile::create(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");
}

TEST_F(PidFileTest, OnlyOneHolder) {
  auto first = PidFile::create(path_);
  ASSERT_TRUE(first);
  auto second = PidFile::create(path_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("pid " + std::to_string(::getpid())), std::string::npos);
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(PidFileTest, RefusesAFileThatIsNoPidFile) {
  write("precious data");
  auto file = PidFile::create(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(content(), "precious data");
}

TEST_F(PidFileTest, AHolderThatHasNotWrittenYetIsNamedAsStarting) {
  write("");
  UniqueFd holder(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(holder.get(), LOCK_EX), 0);
  auto second = PidFile::create(path_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("(it is just starting)"), std::string::npos);
}

TEST_F(PidFileTest, LeavesAFileThatReplacedOurs) {
  {
    auto file = PidFile::create(path_);
    ASSERT_TRUE(file);
    fs::remove(path_);
    write("99\n");
  }
  EXPECT_EQ(content(), "99\n");
}

}  // namespace
}  // namespace tricorn
