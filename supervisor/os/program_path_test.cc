// Paths, names on PATH, and files that are no more.
#include "supervisor/os/program_path.h"

#include <gtest/gtest.h>

#include <fstream>

namespace tricorn {
namespace {

namespace fs = std::filesystem;

class ProgramPath : public testing::Test {
 protected:
  ProgramPath() {
    char name[] = "/tmp/program_path_XXXXXX";
    root = ::mkdtemp(name);
    for (const char* folder : {"one", "two"}) fs::create_directory(root / folder);
  }
  ~ProgramPath() override { fs::remove_all(root); }

  void make(const std::string& file, fs::perms permissions) {
    std::ofstream(root / file) << "#!/bin/sh\n";
    fs::permissions(root / file, permissions);
  }
  std::string path() const { return (root / "one").string() + ":" + (root / "two").string(); }

  fs::path root;
};

TEST_F(ProgramPath, APathIsItselfWhateverIsThere) {
  EXPECT_EQ(program_path("bin/tricorn", path(), "/elsewhere"), "bin/tricorn");
  EXPECT_EQ(program_path("/gone/tricorn", path(), "/elsewhere"), "/gone/tricorn");
}

TEST_F(ProgramPath, ANameIsLookedForWhereItCanRun) {
  make("one/server", fs::perms::owner_read);
  make("two/server", fs::perms::owner_all);
  EXPECT_EQ(program_path("server", path(), "/elsewhere"), (root / "two/server").string());
  make("one/server", fs::perms::owner_all);
  EXPECT_EQ(program_path("server", path(), "/elsewhere"), (root / "one/server").string())
      << "the first one goes before";
}

TEST_F(ProgramPath, ANameThatLeadsNowhereIsTheRunningFile) {
  EXPECT_EQ(program_path("server", path(), "/opt/server"), "/opt/server");
  EXPECT_EQ(program_path("server", "", "/opt/server (deleted)"), "/opt/server")
      << "the kernel's remark is no part of the name";
}

}  // namespace
}  // namespace tricorn
