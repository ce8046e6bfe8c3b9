// read_text(): open, read to the end, close.
#include "config/read_text.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "common/syscall.h"
#include "common/unique_fd.h"

namespace tricorn {

Result<std::string> read_text(const std::string& path) {
  constexpr size_t kMostBytes = 1 << 20;
  auto opened = sys("open", path, [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (!opened) return pass_on(opened);
  UniqueFd fd(*opened);
  std::string text;
  char buffer[16 * 1024];
  while (text.size() <= kMostBytes) {
    auto got = sys("read", path, [&] { return ::read(fd.get(), buffer, sizeof buffer); });
    if (!got) return pass_on(got);
    if (*got == 0) return text;
    text.append(buffer, static_cast<size_t>(*got));
  }
  return fail(fmt::format("{}: longer than {} bytes", path, kMostBytes));
}

}  // namespace tricorn
