// Binding and adopting sockets, with messages that name the address and the remedy.
#include "supervisor/os/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>

#include "common/syscall.h"

namespace tricorn {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<AddressList> resolve(const BindSpec& spec) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  int status = ::getaddrinfo(spec.host.empty() ? nullptr : spec.host.c_str(),
                             std::to_string(spec.port).c_str(), &hints, &list);
  if (status != 0) {
    return fail(fmt::format("cannot listen on {}: {}", to_string(spec), ::gai_strerror(status)));
  }
  return AddressList(list, &::freeaddrinfo);
}

std::unexpected<Error> cannot_bind(const std::string& name, uint16_t port, int sys_errno) {
  std::string reason = std::strerror(sys_errno);
  if (sys_errno == EADDRINUSE) {
    reason = fmt::format(
        "the port is in use; stop the other server ('ss -ltnp sport = :{}' names it)"
        " or choose another --port",
        port);
  } else if (sys_errno == EACCES && port < 1024) {
    reason = "ports below 1024 need the capability net_bind_service; choose another --port";
  } else if (sys_errno == EADDRNOTAVAIL) {
    reason = "no network interface here has this address; choose another --host";
  }
  return fail(fmt::format("cannot listen on {}: {}", name, reason), sys_errno);
}

std::string name_of_tcp(const sockaddr_storage& address, socklen_t length) {
  char host[NI_MAXHOST], port[NI_MAXSERV];
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof host, port,
                sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  if (address.ss_family == AF_INET6) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

std::string name_of_unix(const sockaddr_storage& storage, socklen_t length) {
  const auto& address = reinterpret_cast<const sockaddr_un&>(storage);
  size_t size = length - offsetof(sockaddr_un, sun_path);
  if (length <= offsetof(sockaddr_un, sun_path)) return "unix:";
  if (address.sun_path[0] == '\0') {
    return "unix:@" + std::string(address.sun_path + 1, size - 1);
  }
  return "unix:" + std::string(address.sun_path, ::strnlen(address.sun_path, size));
}

// As the kernel knows it: with the port that it chose for 0.
Result<ListenerSettings> settings_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  auto known = sys("getsockname", std::to_string(fd), [&] {
    return ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  });
  if (!known) return pass_on(known);
  switch (address.ss_family) {
    case AF_INET:
    case AF_INET6:
      return ListenerSettings{.kind = ListenerKind::kTcp, .name = name_of_tcp(address, length)};
    case AF_UNIX:
      return ListenerSettings{.kind = ListenerKind::kUnix, .name = name_of_unix(address, length)};
    default:
      return fail(fmt::format("fd://{} is neither a TCP nor a unix socket", fd));
  }
}

Result<UniqueFd> open_tcp(const addrinfo& address, const std::string& name, uint16_t port,
                          const ListenSocket::TcpOptions& options) {
  auto made = sys("socket", name, [&] {
    return ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  });
  if (!made) return pass_on(made);
  UniqueFd fd(*made);
  int on = 1, only = options.v6_only ? 1 : 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (options.reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.ai_family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    return cannot_bind(name, port, errno);
  }
  return fd;
}

int socket_option(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

// bind() makes the file under the umask: it never exists with more permissions than asked for.
int bind_file(int fd, const sockaddr_un& address, socklen_t length,
              std::optional<uint32_t> permissions) {
  constexpr mode_t kAll = 0777;
  mode_t before = 0;
  if (permissions) before = ::umask(kAll & ~*permissions);
  int status = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length);
  int saved = errno;
  if (permissions) ::umask(before);
  errno = saved;
  return status;
}

}  // namespace

Result<std::vector<ListenSocket>> ListenSocket::bind_address(const addrinfo& address,
                                                             const BindSpec& spec,
                                                             const TcpOptions& options) {
  std::vector<ListenSocket> sockets;
  sockaddr_storage chosen{};  // with the port that the kernel has given the first part
  addrinfo next = address;
  for (uint32_t part = 0; part < options.parts; ++part) {
    auto fd = open_tcp(next, to_string(spec), spec.port, options);
    if (!fd) return pass_on(fd);
    auto settings = settings_of(fd->get());
    if (!settings) return pass_on(settings);
    settings->part = part;
    settings->parts = options.parts;
    ::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&chosen), &next.ai_addrlen);
    next.ai_addr = reinterpret_cast<sockaddr*>(&chosen);
    sockets.push_back(ListenSocket(std::move(*fd), std::move(*settings)));
  }
  return sockets;
}

Result<std::vector<ListenSocket>> ListenSocket::bind_tcp(const BindSpec& spec,
                                                         const TcpOptions& options) {
  auto addresses = resolve(spec);
  if (!addresses) return pass_on(addresses);
  std::vector<ListenSocket> sockets;
  Result<std::vector<ListenSocket>> last_failure;
  for (const addrinfo* address = addresses->get(); address != nullptr; address = address->ai_next) {
    auto bound = bind_address(*address, spec, options);
    if (bound) {
      std::ranges::move(*bound, std::back_inserter(sockets));
      continue;
    }
    // A name such as localhost may stand for an address family that this machine has not got.
    int reason = bound.error().sys_errno;
    last_failure = std::move(bound);
    if (reason != EADDRNOTAVAIL && reason != EAFNOSUPPORT) return pass_on(last_failure);
  }
  if (sockets.empty()) return pass_on(last_failure);
  return sockets;
}

Result<ListenSocket> ListenSocket::bind_unix(const std::string& path,
                                             std::optional<uint32_t> permissions) {
  std::string name = "unix:" + path;
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail(fmt::format("cannot listen on {}: the path is longer than {} bytes", name,
                            sizeof address.sun_path - 1));
  }
  bool abstract = path[0] == '@';
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (abstract) address.sun_path[0] = '\0';
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + !abstract);
  if (!abstract) {
    auto cleared = clear_dead_unix_socket(path);
    if (!cleared) return pass_on(cleared);
  }
  auto made = sys("socket", name,
                  [] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
  if (!made) return pass_on(made);
  ListenSocket socket(UniqueFd(*made), {.kind = ListenerKind::kUnix, .name = name});
  auto bound = sys("cannot listen on", name,
                   [&] { return bind_file(socket.fd(), address, length, permissions); });
  if (!bound) return pass_on(bound);
  if (!abstract) {
    auto file = UnixSocketFile::own(path);
    if (!file) return pass_on(file);
    socket.file_ = std::move(*file);
  }
  return socket;
}

Result<ListenSocket> ListenSocket::adopt(int fd) {
  std::string name = fmt::format("fd://{}", fd);
  if (::fcntl(fd, F_GETFD) == -1)
    return fail(name + " is not open: nobody passed such a descriptor");
  if (socket_option(fd, SO_TYPE) != SOCK_STREAM) return fail(name + " is not a stream socket");
  auto settings = settings_of(fd);
  if (!settings) return pass_on(settings);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ListenSocket socket(UniqueFd(fd), std::move(*settings));
  socket.listening_ = socket_option(fd, SO_ACCEPTCONN) == 1;
  return socket;
}

Result<ListenSocket> ListenSocket::inherit(UniqueFd fd, std::string bind) {
  int number = fd.release();
  auto socket = adopt(number);
  if (!socket) {
    ::close(number);
    return socket;
  }
  constexpr std::string_view kFile = "unix:";
  if (bind.starts_with(kFile) && !bind.starts_with("unix:@")) {
    auto file = UnixSocketFile::own(bind.substr(kFile.size()));
    if (!file) return pass_on(file);
    file->set_ours(false);
    socket->file_ = std::move(*file);
  }
  socket->bind_ = std::move(bind);
  socket->inherited_ = true;
  socket->listening_ = false;  // once more, since the backlog may have changed
  return socket;
}

void ListenSocket::set_part(uint32_t part, uint32_t parts) {
  settings_.part = part;
  settings_.parts = parts;
}

Result<> ListenSocket::listen(uint32_t backlog) {
  if (listening_) return {};
  // Until somebody listens, a bound socket looks dead to another starter, which replaces its file.
  if (!file_.in_place()) {
    return fail("cannot listen on " + settings_.name + ": another server has taken the path",
                EADDRINUSE);
  }
  if (::listen(fd_.get(), static_cast<int>(backlog)) != 0) {
    int saved = errno;
    if (settings_.kind == ListenerKind::kUnix) {
      return fail(describe_errno("cannot listen on", settings_.name, saved), saved);
    }
    auto port =
        static_cast<uint16_t>(std::stoi(settings_.name.substr(settings_.name.rfind(':') + 1)));
    return cannot_bind(settings_.name, port, saved);
  }
  listening_ = true;
  return {};
}

std::string ListenSocket::url() const {
  return settings_.kind == ListenerKind::kTcp ? "http://" + settings_.name : settings_.name;
}

}  // namespace tricorn
