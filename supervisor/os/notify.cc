// One datagram per state, as sd_notify(3) describes the protocol.
#include "supervisor/os/notify.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

namespace tricorn {
namespace {

std::string take_variable(Environment& environment, const std::string& name) {
  auto variable = environment.extract(name);
  return variable.empty() ? "" : std::move(variable.mapped());
}

std::optional<int64_t> to_number(const std::string& text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Half of the service's limit, as sd_watchdog_enabled(3) recommends.
std::optional<Duration> watchdog_interval_from(const std::string& usec, const std::string& pid) {
  auto limit = to_number(usec);
  if (!limit || *limit <= 0) return std::nullopt;
  if (!pid.empty() && to_number(pid) != ::getpid())
    return std::nullopt;  // meant for another process
  return std::chrono::microseconds(*limit / 2);
}

}  // namespace

Notifier Notifier::take_from(Environment& environment) {
  Notifier notifier;
  notifier.address_ = take_variable(environment, "NOTIFY_SOCKET");
  auto watchdog_usec = take_variable(environment, "WATCHDOG_USEC");
  auto watchdog_pid = take_variable(environment, "WATCHDOG_PID");
  bool fits =
      notifier.address_.size() > 1 && notifier.address_.size() < sizeof(sockaddr_un::sun_path);
  if (!fits || (notifier.address_[0] != '/' && notifier.address_[0] != '@')) return Notifier();
  notifier.socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (notifier.socket_) {
    notifier.watchdog_interval_ = watchdog_interval_from(watchdog_usec, watchdog_pid);
  }
  return notifier;
}

void Notifier::ready() { send("READY=1"); }

void Notifier::reloading() {
  auto since_boot = monotonic_now().time_since_epoch();
  auto usec = std::chrono::duration_cast<std::chrono::microseconds>(since_boot).count();
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", usec));
}

void Notifier::stopping() { send("STOPPING=1"); }

void Notifier::status(std::string_view text) { send(fmt::format("STATUS={}", text)); }

void Notifier::watchdog() { send("WATCHDOG=1"); }

void Notifier::main_process(pid_t pid) { send(fmt::format("MAINPID={}", pid)); }

void Notifier::send(std::string_view state) const {
  if (!socket_) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, address_.data(), address_.size());
  if (address_[0] == '@') address.sun_path[0] = '\0';
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  (void)::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace tricorn
