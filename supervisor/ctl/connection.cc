// Talking to a server that may be slow, hung, dying or none at all.
#include "supervisor/ctl/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/syscall.h"
#include "supervisor/os/process_ops.h"

namespace tricorn {
namespace {

std::string why_unreachable(const std::string& path, int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
      return fmt::format("no server at {}: there is no such socket", path);
    case ECONNREFUSED:
      return fmt::format("no server at {}: nobody listens there", path);
    case EACCES:
    case EPERM:
      return fmt::format("no access to {}: only the server's own user and root may steer it", path);
    case EAGAIN:
      return fmt::format("the server at {} takes no connections: it hangs, or too many wait", path);
    default:
      return describe_errno("cannot connect to", path, sys_errno);
  }
}

// An Error: nothing by then.
Result<> await(int fd, short events, std::optional<TimePoint> deadline) {
  pollfd awaited{.fd = fd, .events = events, .revents = 0};
  for (;;) {
    int timeout_ms = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - monotonic_now());
      timeout_ms = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1'000'000'000));
    }
    const int ready = ::poll(&awaited, 1, timeout_ms);
    if (ready > 0) return {};
    if (ready == 0) return fail("the server was not done in time", ETIMEDOUT);
    if (errno != EINTR) return fail(describe_errno("poll", "", errno), errno);
  }
}

// The process that listens; none where it has no pid in our namespace.
UniqueFd server_of(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.pid <= 0) return {};
  auto pidfd = open_pidfd(peer.pid);
  return pidfd ? std::move(*pidfd) : UniqueFd();
}

}  // namespace

Result<CtlConnection> CtlConnection::open(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) {
    return fail(why_unreachable(path, ENAMETOOLONG), ENAMETOOLONG);
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  auto made = sys("socket", "",
                  [] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
  if (!made) return pass_on(made);
  UniqueFd fd(*made);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int saved = errno;
    return fail(why_unreachable(path, saved), saved);
  }
  UniqueFd server = server_of(fd.get());
  return CtlConnection(std::move(fd), std::move(server));
}

// A server that is too busy for us answers before we ask, and closes: what it said can be read all
// the same.
Result<std::string> CtlConnection::ask(const std::string& line, std::optional<TimePoint> deadline) {
  const std::string request = line + "\n";
  (void)::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  for (;;) {
    if (auto readable = await(fd_.get(), POLLIN, deadline); !readable) return pass_on(readable);
    char buffer[65536];
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size <= 0) return fail("the server has ended the conversation without an answer");
    const std::string_view piece(buffer, static_cast<size_t>(size));
    answer += piece.substr(0, piece.find('\n'));
    if (piece.contains('\n')) return answer;
  }
}

Result<> CtlConnection::await_exit(std::optional<TimePoint> deadline) {
  if (!server_) return {};
  return await(server_.get(), POLLIN, deadline);
}

}  // namespace tricorn
