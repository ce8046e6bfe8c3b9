// Notifier against a datagram socket in the place of the service manager's.
#include "supervisor/os/notify.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "supervisor/os/service_manager_harness.h"

namespace tricorn {
namespace {

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
