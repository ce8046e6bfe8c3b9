// flock rather than "is that pid alive?": a pid says nothing about who has it now.
#include "supervisor/os/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "common/syscall.h"

namespace tricorn {
namespace {

std::string read_start(int fd) {
  char buffer[64];
  ssize_t size = ::pread(fd, buffer, sizeof buffer, 0);
  return size <= 0 ? "" : std::string(buffer, static_cast<size_t>(size));
}

// "42\n" → "42"; anything that is not a pid → "".
std::string pid_in(std::string text) {
  if (!text.empty() && text.back() == '\n') text.pop_back();
  bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits ? text : "";
}

bool is_file_at(int fd, const std::string& path) {
  struct stat open_file, named_file;
  return ::fstat(fd, &open_file) == 0 && ::lstat(path.c_str(), &named_file) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

// The lock comes first, the number a moment later.
std::string holder_in(const std::string& text) {
  std::string pid = pid_in(text);
  return pid.empty() ? "it is just starting" : "pid " + pid;
}

Result<UniqueFd> open_and_lock(const std::string& path) {
  auto opened = sys("open pid file", path, [&] {
    return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
  });
  if (!opened) return pass_on(opened);
  UniqueFd fd(*opened);
  auto locked = sys("lock pid file", path, [&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); });
  if (locked) return fd;
  if (locked.error().sys_errno != EWOULDBLOCK) return pass_on(locked);
  return fail("pid file " + path + " is held by a running server (" +
                  holder_in(read_start(fd.get())) + "): stop it or choose another --pid-file",
              EWOULDBLOCK);
}

}  // namespace

Result<PidFile> PidFile::create(std::string path) {
  constexpr int kMaxRaces =
      100;  // each one means that a stopping master removed the file we had just opened
  for (int race = 0; race < kMaxRaces; ++race) {
    auto fd = open_and_lock(path);
    if (!fd) return pass_on(fd);
    if (!is_file_at(fd->get(), path)) continue;
    auto before = read_start(fd->get());
    if (!before.empty() && pid_in(before).empty()) {
      return fail(path + " exists and is not a pid file: choose another --pid-file");
    }
    PidFile file(std::move(*fd), std::move(path));
    if (auto claimed = file.claim(); !claimed) return pass_on(claimed);
    return file;
  }
  return fail("pid file " + path + " keeps changing: is another server starting?");
}

PidFile PidFile::inherit(UniqueFd locked, std::string path) {
  PidFile file(std::move(locked), std::move(path));
  file.ours_ = false;
  file.inherited_ = true;
  return file;
}

PidFile::~PidFile() {
  if (ours_ && in_place()) ::unlink(path_.c_str());
}

Result<> PidFile::claim() {
  if (!fd_) return {};
  auto text = std::to_string(::getpid()) + "\n";
  auto written = sys("write pid file", path_, [&] {
    return ::ftruncate(fd_.get(), 0) == 0 ? ::pwrite(fd_.get(), text.data(), text.size(), 0) : -1;
  });
  if (!written) return pass_on(written);
  ours_ = true;
  return {};
}

bool PidFile::in_place() const { return fd_ && is_file_at(fd_.get(), path_); }

}  // namespace tricorn
