// Offer and inheritance, both ends in one process.
#include "supervisor/os/inheritance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/control_message.h"
#include "supervisor/os/bind_sockets.h"
#include "supervisor/os/pid_file.h"

namespace tricorn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class InheritanceTest : public testing::Test {
 protected:
  InheritanceTest() {
    char name[] = "/tmp/inheritance_XXXXXX";
    folder = ::mkdtemp(name);
  }
  ~InheritanceTest() override { std::filesystem::remove_all(folder); }

  std::string path(const char* name) const { return folder + "/" + name; }

  static BindSockets open(const std::vector<std::string>& binds, Inheritance& inheritance) {
    Options options;
    for (const auto& bind : binds) options.binds.push_back(parse_bind_spec(bind).value());
    options.backlog = 8;
    Environment environment;
    auto sockets = BindSockets::open(options, environment, inheritance);
    EXPECT_TRUE(sockets) << sockets.error().message;
    return std::move(*sockets);
  }
  static BindSockets open(const std::vector<std::string>& binds) {
    Inheritance none;
    return open(binds, none);
  }

  // What a new master gets of an old one that has `sockets` and `pid_file`.
  Inheritance inherit(const BindSockets& sockets, const PidFile& pid_file = {}) {
    auto pair = make_control_pair().value();
    link.emplace(std::move(pair[0]));
    auto offer = to_message({.sockets = sockets.offers(),
                             .activated = false,
                             .pid_file = pid_file.fd(),
                             .pid_path = pid_file.path(),
                             .control_path = "/run/control"});
    EXPECT_TRUE(link->send(offer.value()));
    Environment environment = {{kHandoverVariable, std::to_string(pair[1].release())}};
    auto inheritance = Inheritance::take_from(environment);
    EXPECT_TRUE(inheritance) << inheritance.error().message;
    EXPECT_TRUE(environment.empty()) << "the app must not see it";
    return std::move(*inheritance);
  }

  std::string folder;
  std::optional<HandoverLink> link;
};

TEST_F(InheritanceTest, WithoutAnOldMasterThereIsNone) {
  Environment environment = {{"PATH", "/bin"}};
  auto inheritance = Inheritance::take_from(environment);
  ASSERT_TRUE(inheritance);
  EXPECT_FALSE(inheritance->present());
}

TEST_F(InheritanceTest, AVariableThatLeadsNowhereIsRefused) {
  for (const char* value : {"", "x", "-1", "0", "999"}) {
    Environment environment = {{kHandoverVariable, value}};
    auto inheritance = Inheritance::take_from(environment);
    ASSERT_FALSE(inheritance) << value;
    EXPECT_THAT(inheritance.error().message, HasSubstr("leads to no old master"));
  }
}

// Else the kernel would go on taking connections that nobody accepts.
TEST_F(InheritanceTest, WhatWasNotTakenIsClosedWhenTheLinkIs) {
  auto old_sockets = open({"127.0.0.1:0", "unix:" + path("a")});
  auto pid_file = PidFile::create(path("pid")).value();
  const auto descriptors = [] {
    std::filesystem::directory_iterator fds("/proc/self/fd");
    return std::distance(begin(fds), end(fds));
  };
  auto inheritance = inherit(old_sockets, pid_file);
  auto sockets = open({"127.0.0.1:0"}, inheritance);
  const auto before = descriptors();
  const HandoverLink successor = inheritance.take_link();
  EXPECT_EQ(descriptors(), before - 2) << "a socket, and the lock on the pid file";
  EXPECT_TRUE(successor);
  EXPECT_FALSE(inheritance.present());
}

TEST_F(InheritanceTest, TheSameBindGetsTheSameSocketAndANewOneIsBound) {
  auto old_sockets = open({"127.0.0.1:0", "unix:" + path("a")});
  ASSERT_TRUE(old_sockets.listen());
  auto inheritance = inherit(old_sockets);
  EXPECT_EQ(inheritance.predecessor(), ::getpid());
  EXPECT_EQ(inheritance.control_path(), "/run/control");
  auto sockets = open({"unix:" + path("b"), "127.0.0.1:0"}, inheritance);
  ASSERT_EQ(sockets.settings().size(), 2u);
  EXPECT_EQ(sockets.settings()[1].name, old_sockets.settings()[0].name) << "with the same port";
  EXPECT_THAT(sockets.inherited_binds(), ElementsAre("127.0.0.1:0"));
}

TEST_F(InheritanceTest, AnAddressIsRecognisedHoweverItsBindWasWritten) {
  auto old_sockets = open({"127.0.0.1:0"});
  auto address = old_sockets.settings()[0].name;
  auto inheritance = inherit(old_sockets);
  auto sockets = open({address}, inheritance);
  EXPECT_EQ(sockets.settings()[0].name, address);
}

TEST_F(InheritanceTest, ASocketFileIsRemovedByTheMasterInChargeOnly) {
  auto file = path("app.sock");
  auto bind = "unix:" + file;
  auto old_sockets = open({bind});
  auto inheritance = inherit(old_sockets);
  auto sockets = open({bind}, inheritance);
  sockets.close();
  EXPECT_TRUE(std::filesystem::exists(file)) << "a new master that fails leaves it";
  inheritance = inherit(old_sockets);
  sockets = open({bind}, inheritance);
  old_sockets.set_files_ours({bind}, false);
  sockets.set_files_ours(sockets.inherited_binds(), true);
  old_sockets.close();
  EXPECT_TRUE(std::filesystem::exists(file)) << "the old one has handed it over";
  sockets.close();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(InheritanceTest, ASocketWhoseFileIsAnotherServersByNowIsNotOffered) {
  auto old_sockets = open({"unix:" + path("app.sock")});
  std::filesystem::remove(path("app.sock"));
  auto usurper = open({"unix:" + path("app.sock")});
  EXPECT_THAT(old_sockets.offers(), testing::IsEmpty());
}

TEST_F(InheritanceTest, ThePidFileStaysLockedWhileItChangesHands) {
  auto file = path("pid");
  auto old_file = std::make_unique<PidFile>(PidFile::create(file).value());
  auto inheritance = inherit(open({"127.0.0.1:0"}), *old_file);
  EXPECT_FALSE(inheritance.take_pid_file("another")) << "only by its own path";
  auto locked = inheritance.take_pid_file(file);
  ASSERT_TRUE(locked);
  {
    auto failed = PidFile::inherit(UniqueFd(::dup(locked.get())), file);
  }
  EXPECT_TRUE(std::filesystem::exists(file)) << "a new master that fails leaves it";
  auto new_file = std::make_unique<PidFile>(PidFile::inherit(std::move(locked), file));
  old_file->yield();
  ASSERT_TRUE(new_file->claim());
  old_file.reset();
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_FALSE(PidFile::create(file)) << "the lock has not been let go";
  new_file.reset();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(HandoverLink, DeliversWordsFieldsAndTheEnd) {
  auto pair = make_control_pair().value();
  EventLoop loop;
  std::vector<std::string> heard;
  HandoverLink link(std::move(pair[0]));
  {
    HandoverLink peer(std::move(pair[1]));
    HandoverMessage message{
        .word = "ready", .fields = {{"socket", "a b\n"}, {"new", ""}}, .fds = {}};
    ASSERT_TRUE(peer.send(message));
    ASSERT_TRUE(peer.send({.word = "of a later version", .fields = {}, .fds = {}}));
  }
  link.start(loop, {.on_message =
                        [&](const HandoverMessage& message) {
                          heard.push_back(message.word);
                          for (const auto& value : message.values_of("socket"))
                            heard.push_back(value);
                        },
                    .on_closed = [&] { heard.emplace_back("closed"); }});
  loop.run();
  EXPECT_THAT(heard, ElementsAre("ready", "a b\n", "of a later version", "closed"));
}

}  // namespace
}  // namespace tricorn
