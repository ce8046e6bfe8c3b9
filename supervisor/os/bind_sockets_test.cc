// Bind specs against real sockets: ports, unix socket files in every state, inherited descriptors.
#include "supervisor/os/bind_sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace tricorn {
namespace {

namespace fs = std::filesystem;

Options options_for(const std::string& bind) {
  Options options;
  options.binds = {parse_bind_spec(bind).value()};
  return options;
}

Result<BindSockets> open_sockets(const Options& options) {
  Environment environment;
  return BindSockets::open(options, environment);
}

int connect_errno(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  int status = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  return status == 0 ? 0 : errno;
}

TEST(BindSockets, PortZeroBecomesARealPortAndListensOnlyWhenTold) {
  auto sockets = open_sockets(options_for("127.0.0.1:0"));
  ASSERT_TRUE(sockets) << sockets.error().message;
  std::string name = sockets->settings().at(0).name;
  EXPECT_EQ(name.rfind("127.0.0.1:", 0), 0u);
  EXPECT_NE(name, "127.0.0.1:0");
  EXPECT_EQ(sockets->urls().at(0), "http://" + name);
  int listening = 1;
  socklen_t length = sizeof listening;
  ::getsockopt(sockets->fds()[0], SOL_SOCKET, SO_ACCEPTCONN, &listening, &length);
  EXPECT_EQ(listening, 0);
  ASSERT_TRUE(sockets->listen());
  ::getsockopt(sockets->fds()[0], SOL_SOCKET, SO_ACCEPTCONN, &listening, &length);
  EXPECT_EQ(listening, 1);
}

TEST(BindSockets, PortInUseNamesAddressAndRemedy) {
  auto first = open_sockets(options_for("127.0.0.1:0"));
  ASSERT_TRUE(first && first->listen());
  std::string name = first->settings()[0].name;
  auto second = open_sockets(options_for(name));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  EXPECT_NE(second.error().message.find("cannot listen on " + name), std::string::npos);
  EXPECT_NE(second.error().message.find("--port"), std::string::npos);
}

TEST(BindSockets, SecondOfTwoStartersLearnsItWhenItListens) {
  auto first = open_sockets(options_for("127.0.0.1:0"));
  ASSERT_TRUE(first);
  auto second = open_sockets(options_for(first->settings()[0].name));
  ASSERT_TRUE(second) << "two sockets that do not listen may share a port";
  ASSERT_TRUE(first->listen());
  auto listening = second->listen();
  ASSERT_FALSE(listening);
  EXPECT_NE(listening.error().message.find("the port is in use"), std::string::npos);
}

TEST(BindSockets, WildcardIpv6LeavesIpv4ToAnotherBindOfThatPort) {
  auto probe = open_sockets(options_for("0.0.0.0:0"));
  ASSERT_TRUE(probe);
  std::string name = probe->settings()[0].name;
  std::string port = name.substr(name.rfind(':'));
  probe->close();
  Options options = options_for("0.0.0.0" + port);
  options.binds.push_back(parse_bind_spec("[::]" + port).value());
  auto sockets = open_sockets(options);
  ASSERT_TRUE(sockets) << sockets.error().message;
  EXPECT_TRUE(sockets->listen());
  EXPECT_EQ(sockets->settings().size(), 2u);
}

TEST(BindSockets, ReusePortMakesASocketForEachWorker) {
  Options options = options_for("127.0.0.1:0");
  options.reuse_port = true;
  options.workers = 3;
  auto sockets = open_sockets(options);
  ASSERT_TRUE(sockets && sockets->listen());
  const auto settings = sockets->settings();
  ASSERT_EQ(settings.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(settings[i], (ListenerSettings{ListenerKind::kTcp, settings[0].name, i, 3}));
  }
  EXPECT_EQ(sockets->urls(), std::vector<std::string>{"http://" + settings[0].name});
  EXPECT_FALSE(open_sockets(options_for(settings[0].name))) << "to others the port is in use";
}

TEST(BindSockets, ReusePortLeavesUnixSocketsAloneAndHasItsLimit) {
  Options options = options_for("127.0.0.1:0");
  options.binds.push_back(parse_bind_spec("unix:@tricorn-reuse-port-test").value());
  options.reuse_port = true;
  options.workers = 512;
  auto sockets = open_sockets(options);
  ASSERT_TRUE(sockets) << sockets.error().message;
  EXPECT_EQ(sockets->settings().size(), 16u + 1u);
  EXPECT_EQ(sockets->settings().back().parts, 1u);
}

TEST(BindSockets, UnknownHostIsNamed) {
  auto sockets = open_sockets(options_for("no-such-host.invalid:80"));
  ASSERT_FALSE(sockets);
  EXPECT_NE(sockets.error().message.find("no-such-host.invalid:80"), std::string::npos);
}

class UnixSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "socketXXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    path_ = (folder_ / "app.sock").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  Result<BindSockets> open() { return open_sockets(options_for("unix:" + path_)); }
  ino_t inode() {
    struct stat info{};
    ::lstat(path_.c_str(), &info);
    return info.st_ino;
  }
  // Binds without UnixSocketFile: the file stays when the descriptor closes.
  UniqueFd bind_raw() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(UnixSocketTest, ListensAndRemovesItsFile) {
  {
    auto sockets = open();
    ASSERT_TRUE(sockets) << sockets.error().message;
    EXPECT_EQ(sockets->settings()[0], (ListenerSettings{ListenerKind::kUnix, "unix:" + path_}));
    EXPECT_EQ(connect_errno(path_), ECONNREFUSED);
    ASSERT_TRUE(sockets->listen());
    EXPECT_EQ(connect_errno(path_), 0);
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixSocketTest, ReplacesADeadSocket) {
  bind_raw().reset();
  ASSERT_TRUE(fs::exists(path_));
  auto sockets = open();
  ASSERT_TRUE(sockets) << sockets.error().message;
  ASSERT_TRUE(sockets->listen());
  EXPECT_EQ(connect_errno(path_), 0);
}

TEST_F(UnixSocketTest, RefusesALiveSocket) {
  UniqueFd live = bind_raw();
  ASSERT_EQ(::listen(live.get(), 1), 0);
  auto before = inode();
  auto sockets = open();
  ASSERT_FALSE(sockets);
  EXPECT_NE(sockets.error().message.find("another server"), std::string::npos);
  EXPECT_EQ(inode(), before);
  EXPECT_EQ(connect_errno(path_), 0);
}

TEST_F(UnixSocketTest, RefusesAFileThatIsNoSocketAndLeavesItAlone) {
  std::ofstream(path_) << "data";
  auto sockets = open();
  ASSERT_FALSE(sockets);
  EXPECT_EQ(fs::file_size(path_), 4u);
}

TEST_F(UnixSocketTest, HasTheAskedPermissionsAndLeavesTheUmask) {
  mode_t before = ::umask(022);
  Options options = options_for("unix:" + path_);
  options.uds_permissions = 0660;
  auto sockets = open_sockets(options);
  ASSERT_TRUE(sockets);
  struct stat info{};
  ASSERT_EQ(::lstat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  EXPECT_EQ(::umask(before), 022u);
}

TEST_F(UnixSocketTest, LeavesASocketThatReplacedOurs) {
  UniqueFd successor;
  {
    auto sockets = open();
    ASSERT_TRUE(sockets);
    fs::remove(path_);
    successor = bind_raw();
  }
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(UnixSocketTest, TheFirstOfTwoStartersLearnsThatItsPathWasTaken) {
  auto first = open();
  auto second = open();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->listen());
  auto listening = first->listen();
  ASSERT_FALSE(listening);
  EXPECT_NE(listening.error().message.find("another server"), std::string::npos);
}

TEST_F(UnixSocketTest, PathThatIsTooLongIsAnError) {
  Options options;
  options.binds = {{.kind = BindSpec::Kind::kUnix, .path = "/" + std::string(200, 'x')}};
  EXPECT_FALSE(open_sockets(options));
}

TEST(BindSockets, AbstractSocketNeedsNoFile) {
  auto sockets = open_sockets(options_for("unix:@tricorn-bind-sockets-test"));
  ASSERT_TRUE(sockets) << sockets.error().message;
  EXPECT_TRUE(sockets->listen());
  EXPECT_EQ(sockets->settings()[0].name, "unix:@tricorn-bind-sockets-test");
}

TEST(BindSockets, AdoptsAnInheritedListener) {
  UniqueFd inherited(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::listen(inherited.get(), 5), 0);
  int fd = inherited.release();
  auto sockets = open_sockets(options_for("fd://" + std::to_string(fd)));
  ASSERT_TRUE(sockets) << sockets.error().message;
  EXPECT_EQ(sockets->fds(), std::vector<int>{fd});
  EXPECT_EQ(sockets->settings()[0].name.rfind("0.0.0.0:", 0), 0u);
  EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(::fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST(BindSockets, DescriptorThatIsNoSocketIsAnError) {
  EXPECT_FALSE(open_sockets(options_for("fd://987")));
  UniqueFd file(::open("/dev/null", O_RDONLY));
  auto sockets = open_sockets(options_for("fd://" + std::to_string(file.get())));
  ASSERT_FALSE(sockets);
  EXPECT_NE(sockets.error().message.find("not a stream socket"), std::string::npos);
}

TEST(BindSockets, SocketsForAnotherPidAreLeftAndTheVariablesGo) {
  Environment environment{
      {"LISTEN_PID", "1"}, {"LISTEN_FDS", "1"}, {"LISTEN_FDNAMES", "x"}, {"A", "b"}};
  auto sockets = BindSockets::open(options_for("127.0.0.1:0"), environment);
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->settings()[0].name.rfind("127.0.0.1:", 0), 0u);
  EXPECT_EQ(environment, (Environment{{"A", "b"}}));
}

}  // namespace
}  // namespace tricorn
