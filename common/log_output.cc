// LogOutput: how a record gets out, by the kind of file that standard error is.
#include "common/log_output.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>

namespace tricorn {
namespace {

// Keeps the SIGPIPE of a write() by this thread from being delivered, whatever the process does
// with that signal.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeGuard() {
    int saved = errno;
    const timespec now{};
    if (!was_pending_) {
      while (sigtimedwait(&pipe_, nullptr, &now) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

bool writable_now(int fd) {
  pollfd wish{.fd = fd, .events = POLLOUT, .revents = 0};
  return ::poll(&wish, 1, 0) == 1 && wish.revents == POLLOUT;
}

}  // namespace

LogOutput::LogOutput(int fd) : fd_(fd), kind_(Kind::kPolled) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return;
  if (S_ISREG(info.st_mode)) {
    kind_ = Kind::kFile;
  } else if (S_ISSOCK(info.st_mode)) {
    kind_ = Kind::kSocket;
  } else {
    std::string path = fmt::format("/proc/self/fd/{}", fd);
    own_.reset(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (own_) kind_ = Kind::kOwnDescription;
  }
}

// One write that does not wait; -1 with errno EAGAIN when it would have to.
long LogOutput::write_some(std::string_view bytes) {
  switch (kind_) {
    case Kind::kSocket:
      return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::kFile:
      return ::write(fd_, bytes.data(), bytes.size());
    case Kind::kOwnDescription: {
      SigpipeGuard guard;
      return ::write(own_.get(), bytes.data(), bytes.size());
    }
    case Kind::kPolled:
      break;
  }
  if (!writable_now(fd_)) {
    errno = EAGAIN;
    return -1;
  }
  SigpipeGuard guard;
  return ::write(fd_, bytes.data(), std::min<size_t>(bytes.size(), PIPE_BUF));
}

size_t LogOutput::write_front(std::string_view records) {
  if (mid_line_) {
    if (write_some("\n") != 1) {
      error_ = errno;
      return 0;
    }
    mid_line_ = false;
  }
  size_t done = 0;
  while (done < records.size()) {
    long written = write_some(records.substr(done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      error_ = errno;
      mid_line_ = done > 0 && records[done - 1] != '\n';
      break;
    }
    done += static_cast<size_t>(written);
  }
  return done;
}

}  // namespace tricorn
