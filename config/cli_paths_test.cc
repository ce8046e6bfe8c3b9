// Where relative paths count from, and who the app runs as.
#include <gtest/gtest.h>

#include "config/cli.h"
#include "config/cli_fixture.h"

namespace tricorn {
namespace {

TEST_F(CliTest, PathsCountFromChdir) {
  Options found = options({"--chdir", "/tmp/.", "--uds", "a.sock", "--bind", "unix:@abstract",
                           "--bind", "unix:/run/b.sock", "--pid-file", "pid", "--access-logfile",
                           "logs/access", "--python", "venv/bin/python"});
  EXPECT_EQ(found.chdir, "/tmp");
  EXPECT_EQ(found.worker.app_dir, "/tmp");
  ASSERT_EQ(found.binds.size(), 3u);
  EXPECT_EQ(found.binds[0].path, "@abstract");
  EXPECT_EQ(found.binds[1].path, "/run/b.sock");
  EXPECT_EQ(found.binds[2].path, "/tmp/a.sock");
  EXPECT_EQ(found.pid_file, "/tmp/pid");
  EXPECT_EQ(found.worker.access_log_target, "/tmp/logs/access");
  EXPECT_EQ(found.python, "/tmp/venv/bin/python");
}

TEST_F(CliTest, ControlSocketIsAFileWherePathsCountFrom) {
  EXPECT_EQ(options({"--chdir", "/tmp", "--control-socket", "c"}).control_socket, "/tmp/c");
  for (std::vector<std::string> arguments : {std::vector<std::string>{}, {"--chdir", "/tmp"}}) {
    arguments.insert(arguments.end(), {"--control-socket", "@name"});
    EXPECT_NE(error(arguments).find("an abstract socket has no permissions"), std::string::npos);
  }
}

TEST_F(CliTest, PathsStayAsTheyAreWithoutChdir) {
  Options found = options({"--uds", "a.sock", "--pid-file", "pid", "--python", "venv/bin/python"});
  EXPECT_EQ(found.chdir, "");
  EXPECT_EQ(found.binds[0].path, "a.sock");
  EXPECT_EQ(found.pid_file, "pid");
  EXPECT_EQ(found.python, "venv/bin/python");
}

TEST_F(CliTest, AppDirAndEnvFileCountFromChdirWhereverThatIsSaid) {
  file("app.env", "COLOR=red\n");
  std::filesystem::create_directory(folder_ + "/src");
  std::string config = file("tricorn.toml", "env-file = [\"app.env\"]\napp-dir = \"src\"\n");
  Options found = options({"--config", config}, {{"TRICORN_CHDIR", folder_}});
  EXPECT_EQ(found.worker.app_dir, folder_ + "/src");
  using Variables = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(found.app_environment, (Variables{{"COLOR", "red"}}));
}

TEST_F(CliTest, PythonByNameIsLookedUpOnPath) {
  EXPECT_EQ(options({"--working-dir", "/tmp", "--python", "python3"}).python, "python3");
}

TEST_F(CliTest, UserAndGroupAreWhoTheyAre) {
  EXPECT_FALSE(options({}).identity);
  Options found = options({"-u", "root", "-g", "4711", "-m", "027"});
  ASSERT_TRUE(found.identity);
  EXPECT_EQ(found.identity->uid, 0u);
  EXPECT_EQ(found.identity->gid, 4711u);
  EXPECT_EQ(found.umask, 027u);
}

}  // namespace
}  // namespace tricorn
