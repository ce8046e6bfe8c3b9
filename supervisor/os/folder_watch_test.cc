// What is told of a real folder tree while it changes.
#include "supervisor/os/folder_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace tricorn {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class FolderWatchTest : public testing::Test {
 protected:
  FolderWatchTest() {
    char name[] = "/tmp/folder_watch_XXXXXX";
    root = ::mkdtemp(name);
  }
  ~FolderWatchTest() override {
    watch.reset();
    fs::remove_all(root);
  }
  void start() { start({root}); }
  void start(std::vector<std::string> roots) {
    auto created = FolderWatch::create(
        loop, std::move(roots),
        {.wants_folder = [](const std::string& path) { return !path.ends_with("skipped"); },
         .on_file = [this](const std::string& path) { told.insert(name_of(path)); },
         .on_unknown = [this](const std::string& path) { told.insert("all of " + name_of(path)); },
         .on_error = [this](const Error& error) { errors.push_back(error.message); }});
    ASSERT_TRUE(created.has_value()) << created.error().message;
    watch = std::move(*created);
  }
  std::string name_of(const fs::path& path) const { return path.lexically_relative(root); }
  void write(const std::string& path) { std::ofstream(fs::path(root) / path) << "text"; }
  void make(const std::string& path) { fs::create_directories(fs::path(root) / path); }
  // All that was told until the kernel's queue was empty.
  std::set<std::string> changes() {
    for (int turn = 0; turn < 4; ++turn) uv_run(loop.raw(), UV_RUN_NOWAIT);
    return std::exchange(told, {});
  }

  std::string root;
  EventLoop loop;
  std::set<std::string> told;
  std::vector<std::string> errors;
  std::unique_ptr<FolderWatch> watch;
};

TEST_F(FolderWatchTest, TellsOfFilesThatAreWrittenMovedAndRemoved) {
  make("deep/er");
  write("old");
  start();
  EXPECT_THAT(changes(), ElementsAre());
  write("new");
  write("deep/er/new");
  EXPECT_THAT(changes(), ElementsAre("deep/er/new", "new"));
  fs::rename(root + "/old", root + "/deep/moved");
  EXPECT_THAT(changes(), ElementsAre("deep/moved", "old"));
  fs::remove(root + "/new");
  EXPECT_THAT(changes(), ElementsAre("new"));
  fs::create_symlink("nowhere", root + "/link");
  EXPECT_THAT(changes(), ElementsAre("link"));
}

TEST_F(FolderWatchTest, TellsOfAHardLinkAndOfASwappedLink) {
  write("old");
  fs::create_symlink("old", root + "/link");
  start();
  fs::create_hard_link(root + "/old", root + "/twin");
  EXPECT_THAT(changes(), ElementsAre("twin"));
  fs::create_symlink("twin", root + "/new link");
  fs::rename(root + "/new link", root + "/link");
  EXPECT_THAT(changes(), ElementsAre("link", "new link"));
}

TEST_F(FolderWatchTest, AFileIsToldWhenItIsClosed) {
  start();
  std::ofstream file(root + "/slow");
  file << "half";
  file.flush();
  EXPECT_THAT(changes(), ElementsAre());
  file.close();
  EXPECT_THAT(changes(), ElementsAre("slow"));
}

TEST_F(FolderWatchTest, NewFoldersAreWatchedWithWhatIsInThem) {
  start();
  make("a/b");
  write("a/b/early");  // before the watch can be there
  EXPECT_THAT(changes(), Contains("a/b/early"));
  write("a/b/late");
  EXPECT_THAT(changes(), ElementsAre("a/b/late"));
}

TEST_F(FolderWatchTest, MovedFoldersKeepTheirNewName) {
  make("a/b");
  start();
  fs::rename(root + "/a", root + "/c");
  EXPECT_THAT(changes(), Contains("all of a"));
  write("c/b/file");
  EXPECT_THAT(changes(), ElementsAre("c/b/file"));
  EXPECT_EQ(watch->folders(), 3u);
}

TEST_F(FolderWatchTest, UnwantedFoldersAreNotWatched) {
  make("skipped/deep");
  start();
  EXPECT_EQ(watch->folders(), 1u);
  write("skipped/deep/file");
  make("more/skipped");
  write("more/skipped/file");
  EXPECT_THAT(changes(), ElementsAre());
}

TEST_F(FolderWatchTest, AFolderThatTurnsOutToBeUnwantedIsForgotten) {
  make("late/deep");
  bool wanted = true;
  auto created = FolderWatch::create(
      loop, {root},
      {.wants_folder = [&](const std::string& path) { return wanted || !path.ends_with("late"); },
       .on_file = [this](const std::string& path) { told.insert(name_of(path)); },
       .on_unknown = [this](const std::string& path) { told.insert("all of " + name_of(path)); },
       .on_error = [](const Error&) {}});
  ASSERT_TRUE(created.has_value());
  watch = std::move(*created);
  wanted = false;
  write("late/marker");
  EXPECT_THAT(changes(), ElementsAre());
  write("late/file");
  write("late/deep/file");
  write("ours");
  EXPECT_THAT(changes(), ElementsAre("ours"));
  fs::rename(root + "/late", root + "/gone");
  EXPECT_THAT(changes(), Contains("gone/file")) << "another name is another folder";
}

TEST_F(FolderWatchTest, ARootThatComesBackUnreadableIsWatchedOnceItCanBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  make("root");
  start({root + "/root"});
  fs::remove(root + "/root");
  ASSERT_EQ(::mkdir((root + "/root").c_str(), 0), 0);
  EXPECT_THAT(changes(), Contains("all of root"));
  ASSERT_EQ(::chmod((root + "/root").c_str(), 0755), 0);
  changes();
  write("root/file");
  EXPECT_THAT(changes(), Contains("root/file"));
}

TEST_F(FolderWatchTest, ARootThatComesBackIsWatchedAgain) {
  make("src/deep");
  start({root + "/src"});
  fs::remove_all(root + "/src");
  EXPECT_THAT(changes(), Contains("all of src"));
  write("beside it");
  EXPECT_THAT(changes(), ElementsAre());
  make("src/deep");
  write("src/deep/early");
  EXPECT_THAT(changes(), ElementsAre("src/deep/early"));
  write("src/deep/late");
  EXPECT_THAT(changes(), ElementsAre("src/deep/late"));
  fs::rename(root + "/src", root + "/elsewhere");
  make("src");
  write("elsewhere/stranger");
  write("src/again");
  changes();
  write("src/again");
  EXPECT_THAT(changes(), ElementsAre("src/again"));
  EXPECT_EQ(watch->folders(), 1u);
  EXPECT_THAT(errors, ElementsAre());
}

TEST_F(FolderWatchTest, ARootInsideAnotherIsWatchedAgain) {
  make("src");
  start({root, root + "/src"});
  for (const char* goes : {"removed", "renamed"}) {
    fs::rename(root + "/src", root + "/" + goes);
    if (goes == std::string_view("removed")) fs::remove_all(root + "/removed");
    make("src");
    changes();
    write("src/file");
    EXPECT_THAT(changes(), ElementsAre("src/file")) << goes;
  }
  EXPECT_THAT(errors, ElementsAre());
}

TEST_F(FolderWatchTest, ARootThatGoesWithItsParentIsAnError) {
  make("parent/src");
  start({root + "/parent/src"});
  fs::remove_all(root + "/parent");
  changes();
  EXPECT_THAT(errors, ElementsAre(HasSubstr("src is gone and is watched no more")));
}

TEST_F(FolderWatchTest, AFolderThatMayNotBeReadIsPassedOver) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  make("closed");
  make("open");
  fs::permissions(root + "/closed", fs::perms::none);
  start();
  write("open/file");
  EXPECT_THAT(changes(), ElementsAre("open/file"));
  fs::permissions(root + "/closed", fs::perms::owner_all);
}

TEST_F(FolderWatchTest, ARootMustBeAFolder) {
  auto created = FolderWatch::create(loop, {root + "/missing"}, {});
  ASSERT_FALSE(created.has_value());
  EXPECT_THAT(created.error().message, HasSubstr("missing cannot be watched"));
}

}  // namespace
}  // namespace tricorn
