// Notifier against a datagram socket in the place of the service manager's.
#include "supervisor/os/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace tricorn {
namespace {

// Receives what a service sends to an abstract socket of a fresh name.
class ServiceManager {
 public:
  ServiceManager() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un any{};
    any.sun_family = AF_UNIX;  // autobind: the kernel picks an abstract name
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&any), sizeof(sa_family_t)), 0);
    sockaddr_un bound{};
    socklen_t length = sizeof bound;
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&bound), &length), 0);
    size_t name_length = length - offsetof(sockaddr_un, sun_path) - 1;
    name_ = "@" + std::string(bound.sun_path + 1, name_length);
  }
  const std::string& name() const { return name_; }
  std::string receive() const {
    char buffer[512];
    ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }

 private:
  UniqueFd fd_;
  std::string name_;
};

TEST(Notifier, SendsStatesToAnAbstractSocket) {
  ServiceManager manager;
  Environment environment{{"NOTIFY_SOCKET", manager.name()}};
  auto notifier = Notifier::take_from(environment);
  notifier.ready();
  notifier.status("4 workers");
  notifier.watchdog();
  notifier.stopping();
  EXPECT_EQ(manager.receive(), "READY=1");
  EXPECT_EQ(manager.receive(), "STATUS=4 workers");
  EXPECT_EQ(manager.receive(), "WATCHDOG=1");
  EXPECT_EQ(manager.receive(), "STOPPING=1");
}

TEST(Notifier, ReloadingCarriesTheMonotonicTime) {
  ServiceManager manager;
  Environment environment{{"NOTIFY_SOCKET", manager.name()}};
  Notifier::take_from(environment).reloading();
  EXPECT_EQ(manager.receive().find("RELOADING=1\nMONOTONIC_USEC="), 0u);
}

TEST(Notifier, HidesTheSocketFromChildren) {
  Environment environment{
      {"NOTIFY_SOCKET", "@somewhere"}, {"WATCHDOG_USEC", "2000000"}, {"A", "b"}};
  auto notifier = Notifier::take_from(environment);
  EXPECT_EQ(environment, (Environment{{"A", "b"}}));
  EXPECT_EQ(notifier.watchdog_interval(), Duration(milliseconds(1000)));
}

TEST(Notifier, WatchdogOfAnotherProcessIsNotOurs) {
  Environment environment{{"NOTIFY_SOCKET", "@somewhere"},
                          {"WATCHDOG_USEC", "2000000"},
                          {"WATCHDOG_PID", std::to_string(::getpid() + 1)}};
  EXPECT_EQ(Notifier::take_from(environment).watchdog_interval(), std::nullopt);
}

TEST(Notifier, WithoutAServiceManagerDoesNothing) {
  Environment environment;
  auto notifier = Notifier::take_from(environment);
  EXPECT_FALSE(notifier.enabled());
  notifier.ready();
}

}  // namespace
}  // namespace tricorn
