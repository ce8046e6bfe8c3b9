// A socket file is dead when a connect is refused: its server exited without removing it.
#include "supervisor/os/unix_socket_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "common/syscall.h"
#include "common/unique_fd.h"

namespace tricorn {
namespace {

// The errno of a connect to `path`; 0 when it succeeded.
Result<int> probe(const std::string& path) {
  auto made = sys("socket", path,
                  [] { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); });
  if (!made) return pass_on(made);
  UniqueFd fd(*made);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  bool connected =
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return connected ? 0 : errno;
}

}  // namespace

Result<UnixSocketFile> UnixSocketFile::own(std::string path) {
  struct stat info;
  auto found = sys("stat", path, [&] { return ::lstat(path.c_str(), &info); });
  if (!found) return pass_on(found);
  UnixSocketFile file;
  file.path_ = std::move(path);
  file.device_ = info.st_dev;
  file.inode_ = info.st_ino;
  return file;
}

UnixSocketFile::UnixSocketFile(UnixSocketFile&& other) noexcept { *this = std::move(other); }

UnixSocketFile& UnixSocketFile::operator=(UnixSocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  std::swap(ours_, other.ours_);
  return *this;
}

// By a descriptor of the very file, and only if it is a socket of ours: in a folder of somebody
// else the path can come to lead elsewhere, and root would give that away.
Result<> UnixSocketFile::give_to(uid_t uid, gid_t gid) const {
  if (path_.empty()) return {};
  auto opened =
      sys("open", path_, [&] { return ::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); });
  if (!opened) return pass_on(opened);
  UniqueFd fd(*opened);
  struct stat info;
  auto known = sys("stat", path_, [&] { return ::fstat(fd.get(), &info); });
  if (!known) return pass_on(known);
  bool ours = info.st_dev == device_ && info.st_ino == inode_ && S_ISSOCK(info.st_mode) &&
              info.st_nlink == 1 && info.st_uid == ::geteuid();
  if (!ours) {
    return fail("unix:" + path_ + ": another file has taken the path", EADDRINUSE);
  }
  auto given =
      sys("chown", path_, [&] { return ::fchownat(fd.get(), "", uid, gid, AT_EMPTY_PATH); });
  if (!given) return pass_on(given);
  return {};
}

bool UnixSocketFile::in_place() const {
  struct stat info;
  return path_.empty() ||
         (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_);
}

void UnixSocketFile::remove() {
  if (!path_.empty() && ours_ && in_place()) ::unlink(path_.c_str());
  path_.clear();
}

Result<> clear_dead_unix_socket(const std::string& path) {
  struct stat info;
  if (::lstat(path.c_str(), &info) != 0) return {};  // bind() tells whatever else is wrong
  if (!S_ISSOCK(info.st_mode)) {
    return fail("cannot listen on unix:" + path + ": it exists and is not a socket", EEXIST);
  }
  auto connect_errno = probe(path);
  if (!connect_errno) return pass_on(connect_errno);
  if (*connect_errno == 0 || *connect_errno == EAGAIN) {  // EAGAIN: its queue is full
    return fail("cannot listen on unix:" + path +
                    ": another server is listening there; stop it or choose another path",
                EADDRINUSE);
  }
  if (*connect_errno == ENOENT) return {};
  if (*connect_errno != ECONNREFUSED) {
    return fail(describe_errno("cannot listen on", "unix:" + path, *connect_errno), *connect_errno);
  }
  auto removed = sys("remove the dead socket", path, [&] { return ::unlink(path.c_str()); });
  if (!removed && removed.error().sys_errno != ENOENT) return pass_on(removed);
  return {};
}

}  // namespace tricorn
