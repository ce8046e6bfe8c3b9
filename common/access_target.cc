// AccessTarget: see the header.
#include "common/access_target.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "common/syscall.h"

namespace tricorn {
namespace {

constexpr std::string_view kDefaultSyslog = "/dev/log";
constexpr int kSocketFlags = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr mode_t kLogFileMode = 0644;

Result<AccessTarget> parse_udp(std::string_view text, std::string_view whole) {
  size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  std::string_view port = colon == text.npos ? "" : text.substr(colon + 1);
  AccessTarget target{.kind = AccessTarget::Kind::kSyslogUdp};
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), target.port);
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  bool ambiguous = !bracketed && host.find(':') != host.npos;
  if (host.empty() || ambiguous || error != std::errc() || end != port.data() + port.size() ||
      target.port == 0) {
    return fail(fmt::format("'{}' is not syslog:udp:HOST:PORT", whole));
  }
  target.place = bracketed ? host.substr(1, host.size() - 2) : host;
  return target;
}

Result<UniqueFd> open_file(const AccessTarget& target) {
  // O_NONBLOCK: a FIFO that nobody reads is an error, not a wait.
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  auto fd =
      sys("open", target.place, [&] { return ::open(target.place.c_str(), kFlags, kLogFileMode); });
  if (!fd) return pass_on(fd);
  return UniqueFd(*fd);
}

Result<UniqueFd> open_unix_socket(const AccessTarget& target) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (target.place.size() >= sizeof address.sun_path) {
    return fail(fmt::format("{}: a unix socket's path is that long at most: {} bytes", target.place,
                            sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, target.place.data(), target.place.size());
  auto fd = sys("socket", target.name(), [] { return ::socket(AF_UNIX, kSocketFlags, 0); });
  if (!fd) return pass_on(fd);
  UniqueFd socket(*fd);
  auto connected = sys("connect", target.name(), [&] {
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  });
  if (!connected) return pass_on(connected);
  return socket;
}

Result<UniqueFd> open_udp_socket(const AccessTarget& target) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int failed =
      ::getaddrinfo(target.place.c_str(), std::to_string(target.port).c_str(), &hints, &found);
  if (failed != 0) return fail(fmt::format("{}: {}", target.name(), ::gai_strerror(failed)));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  Result<UniqueFd> last = fail(target.name());
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    auto fd =
        sys("socket", target.name(), [&] { return ::socket(address->ai_family, kSocketFlags, 0); });
    if (!fd) {
      last = pass_on(fd);
      continue;
    }
    UniqueFd socket(*fd);
    auto connected = sys("connect", target.name(), [&] {
      return ::connect(socket.get(), address->ai_addr, address->ai_addrlen);
    });
    if (connected) return socket;
    last = pass_on(connected);
  }
  return last;
}

}  // namespace

std::string AccessTarget::name() const {
  switch (kind) {
    case Kind::kStdout:
      return "standard output";
    case Kind::kFile:
      return place;
    case Kind::kSyslogUnix:
      return "syslog at " + place;
    case Kind::kSyslogUdp:
      return fmt::format("syslog at {}:{}", place, port);
  }
  return place;
}

Result<AccessTarget> parse_access_target(std::string_view text) {
  using Kind = AccessTarget::Kind;
  constexpr std::string_view kSyslog = "syslog:";
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kUdp = "udp:";
  if (text == "-") return AccessTarget{};
  if (text == "syslog") return AccessTarget{Kind::kSyslogUnix, std::string(kDefaultSyslog)};
  if (text.empty()) return fail("'' is no path; standard output is -");
  if (!text.starts_with(kSyslog)) return AccessTarget{Kind::kFile, std::string(text)};
  std::string_view where = text.substr(kSyslog.size());
  if (where.starts_with(kUdp)) return parse_udp(where.substr(kUdp.size()), text);
  if (where.starts_with(kUnix) && where.size() > kUnix.size()) {
    return AccessTarget{Kind::kSyslogUnix, std::string(where.substr(kUnix.size()))};
  }
  return fail(fmt::format("'{}' is none of syslog, syslog:unix:PATH, syslog:udp:HOST:PORT", text));
}

std::string to_string(const AccessTarget& target) {
  switch (target.kind) {
    case AccessTarget::Kind::kStdout:
      return "-";
    case AccessTarget::Kind::kFile:
      return target.place;
    case AccessTarget::Kind::kSyslogUnix:
      return "syslog:unix:" + target.place;
    case AccessTarget::Kind::kSyslogUdp:
      return fmt::format("syslog:udp:[{}]:{}", target.place, target.port);
  }
  return {};
}

Result<UniqueFd> open_access_target(const AccessTarget& target) {
  switch (target.kind) {
    case AccessTarget::Kind::kStdout:
      return UniqueFd();
    case AccessTarget::Kind::kFile:
      return open_file(target);
    case AccessTarget::Kind::kSyslogUnix:
      return open_unix_socket(target);
    case AccessTarget::Kind::kSyslogUdp:
      return open_udp_socket(target);
  }
  return UniqueFd();
}

}  // namespace tricorn
