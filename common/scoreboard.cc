// Scoreboard: making, checking and mapping the memfd.
#include "common/scoreboard.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <new>

#include "common/syscall.h"

namespace tricorn {
namespace {

constexpr size_t kBytes = sizeof(ScoreboardLayout);

Result<void*> map_shared(int fd) {
  void* address = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address != MAP_FAILED) return address;
  int saved = errno;
  return fail(describe_errno("mmap", "scoreboard", saved), saved);
}

}  // namespace

Result<Scoreboard> Scoreboard::create() {
  auto made = sys("memfd_create", "scoreboard", [] {
    return ::memfd_create("tricorn-scoreboard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  });
  if (!made) return pass_on(made);
  UniqueFd fd(*made);
  auto sized = sys("ftruncate", "scoreboard", [&] { return ::ftruncate(fd.get(), kBytes); });
  if (!sized) return pass_on(sized);
  // With its size sealed, no process can make another one's access to it fail.
  auto sealed = sys("fcntl", "scoreboard", [&] {
    return ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  });
  if (!sealed) return pass_on(sealed);
  auto address = map_shared(fd.get());
  if (!address) return pass_on(address);
  return Scoreboard(std::move(fd), new (*address) ScoreboardLayout);
}

Result<Scoreboard> Scoreboard::attach(UniqueFd fd) {
  struct stat info{};
  auto known = sys("fstat", "scoreboard", [&] { return ::fstat(fd.get(), &info); });
  if (!known) return pass_on(known);
  if (info.st_size != static_cast<off_t>(kBytes)) {
    return fail(
        fmt::format("the scoreboard has {} bytes, expected {}: master and worker differ in version",
                    info.st_size, kBytes));
  }
  auto address = map_shared(fd.get());
  if (!address) return pass_on(address);
  return Scoreboard(std::move(fd), static_cast<ScoreboardLayout*>(*address));
}

Scoreboard::Scoreboard(Scoreboard&& other) noexcept
    : fd_(std::move(other.fd_)), layout_(std::exchange(other.layout_, nullptr)) {}

Scoreboard::~Scoreboard() {
  if (layout_ != nullptr) ::munmap(layout_, kBytes);
}

}  // namespace tricorn
