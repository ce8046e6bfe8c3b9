// Every save asks for a reload, however busy the master's loop is.
#include "supervisor/code_watch.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include <filesystem>
#include <fstream>

#include "common/unique_fd.h"

namespace tricorn {
namespace {

namespace fs = std::filesystem;

class CodeWatchTest : public testing::Test {
 protected:
  CodeWatchTest() {
    char name[] = "/tmp/code_watch_XXXXXX";
    folder = ::mkdtemp(name);
  }
  ~CodeWatchTest() override {
    watch.reset();
    fs::remove_all(folder);
  }
  void start(uint32_t delay_ms) {
    auto created = CodeWatch::create(
        loop, {.enabled = true, .folders = {folder}, .delay_ms = delay_ms}, [this] { ++reloads; });
    ASSERT_TRUE(created.has_value()) << created.error().message;
    watch = std::move(*created);
  }
  void save(const std::string& path) {
    fs::create_directories(fs::path(folder + "/" + path).parent_path());
    std::ofstream(folder + "/" + path) << "text";
  }
  // False: not within a time that any machine keeps.
  bool reloads_become(int wanted) {
    const TimePoint deadline = monotonic_now() + std::chrono::seconds(20);
    Timer patience(loop, [] {});
    patience.every(milliseconds(10));
    while (reloads < wanted && monotonic_now() < deadline) uv_run(loop.raw(), UV_RUN_ONCE);
    return reloads == wanted;
  }

  std::string folder;
  EventLoop loop;
  int reloads = 0;
  std::unique_ptr<CodeWatch> watch;
};

// A roll's workers and zygotes come and go just then.
TEST_F(CodeWatchTest, NoSaveIsMissedWhileOtherThingsHappen) {
  UniqueFd always_readable(::eventfd(1, EFD_CLOEXEC));
  FdWatcher restless(loop, always_readable.get(), [] {});
  start(3);
  for (int round = 1; round <= 30; ++round) {
    save("main.py");
    ASSERT_TRUE(reloads_become(round)) << round;
  }
}

TEST_F(CodeWatchTest, VirtualEnvironmentsAndBytecodeDoNotCount) {
  save("venv/pyvenv.cfg");
  save("venv/lib/module.py");
  save("__pycache__/module.py");
  start(0);
  save("venv/lib/module.py");
  save("__pycache__/module.py");
  for (int turn = 0; turn < 4; ++turn) uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(reloads, 0);
  save("main.py");
  EXPECT_TRUE(reloads_become(1));
  watch.reset();
  folder += "/venv";  // unless it is named
  start(0);
  save("lib/module.py");
  EXPECT_TRUE(reloads_become(2));
  folder.resize(folder.size() - 5);
}

}  // namespace
}  // namespace tricorn
