// The choice of the interpreter on machines made of empty files.
#include "supervisor/os/interpreter.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tricorn {
namespace {

namespace fs = std::filesystem;

class InterpreterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "interpreterXXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string executable(const std::string& path) {
    fs::path file = root_ / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file).close();
    fs::permissions(file, fs::perms::owner_all);
    return file.string();
  }
  std::string at(const std::string& path) { return (root_ / path).string(); }

  fs::path root_;
};

TEST_F(InterpreterTest, OptionWinsAsPathOrAsName) {
  auto python = executable("opt/python3.13");
  executable("env/bin/python3");
  InterpreterSearch search{.python = python, .exe_dir = at("env/bin"), .path = at("opt")};
  EXPECT_EQ(find_interpreter(search), (Interpreter{python, ""}));
  search.python = "python3.13";
  EXPECT_EQ(find_interpreter(search), (Interpreter{python, ""}));
}

TEST_F(InterpreterTest, MissingOptionIsNamed) {
  auto found = find_interpreter({.python = "python9", .exe_dir = at("bin"), .path = at("bin")});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "--python python9: there is no such executable");
}

TEST_F(InterpreterTest, EnvironmentOfTheExecutableBeatsTheActiveOne) {
  auto own = executable("env/bin/python3");
  executable("other/bin/python3");
  InterpreterSearch search{.exe_dir = at("env/bin"), .virtual_env = at("other")};
  EXPECT_EQ(find_interpreter(search), (Interpreter{own, ""}));
}

TEST_F(InterpreterTest, BuildTreeTakesActiveEnvironmentThenItsOwn) {
  fs::create_directories(root_ / "build/dev/python/tricorn");
  auto own = executable("build/venv/bin/python3");
  auto active = executable("active/bin/python3");
  InterpreterSearch search{.exe_dir = at("build/dev"), .virtual_env = at("active")};
  EXPECT_EQ(find_interpreter(search), (Interpreter{active, at("build/dev/python")}));
  search.virtual_env = "";
  EXPECT_EQ(find_interpreter(search), (Interpreter{own, at("build/dev/python")}));
}

TEST_F(InterpreterTest, FallsBackToPathAndSkipsWhatIsNotExecutable) {
  fs::create_directories(root_ / "a/python3");
  auto python = executable("b/python3");
  InterpreterSearch search{.exe_dir = at("bin"), .path = at("a") + ":" + at("b")};
  EXPECT_EQ(find_interpreter(search), (Interpreter{python, ""}));
}

TEST_F(InterpreterTest, NothingFoundNamesTheRemedy) {
  auto found = find_interpreter({.exe_dir = at("bin")});
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("--python"), std::string::npos);
}

TEST(ZygoteCommand, PassesTheSocketAndThePackageFolder) {
  auto command = zygote_command({"/usr/bin/python3", "/build/python"}, 7);
  ASSERT_EQ(command.size(), 5u);
  EXPECT_EQ(command[0], "/usr/bin/python3");
  EXPECT_EQ(command[1], "-c");
  EXPECT_EQ(command[3], "7");
  EXPECT_EQ(command[4], "/build/python");
}

}  // namespace
}  // namespace tricorn
