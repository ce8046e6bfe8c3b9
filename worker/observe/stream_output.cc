// StreamOutput: see line_output.h.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <limits>
#include <utility>

#include "worker/observe/line_output.h"

namespace tricorn {
namespace {

// What the kernel grants everybody (fs.pipe-max-size): a reader that is short of CPU time misses
// nothing so soon.
constexpr int kPipeBytes = 1024 * 1024;

// Also makes room in a pipe.
size_t most_per_write(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return PIPE_BUF;
  if (S_ISFIFO(info.st_mode) && ::fcntl(fd, F_GETPIPE_SZ) < kPipeBytes) {
    static_cast<void>(::fcntl(fd, F_SETPIPE_SZ, kPipeBytes));
  }
  return S_ISREG(info.st_mode) ? std::numeric_limits<size_t>::max() : PIPE_BUF;
}

// The longest front of `lines` that ends with a newline and is no longer than `most`.
std::string_view front_of(std::string_view lines, size_t most) {
  if (lines.size() <= most) return lines;
  return lines.substr(0, lines.rfind('\n', most - 1) + 1);
}

uint64_t count_lines(std::string_view lines) {
  return static_cast<uint64_t>(std::ranges::count(lines, '\n'));
}

}  // namespace

Result<std::unique_ptr<LineOutput>> StreamOutput::open(AccessTarget target, int standard_output) {
  auto file = open_access_target(target);
  if (!file) return pass_on(file);
  return std::unique_ptr<LineOutput>(
      new StreamOutput(std::move(target), standard_output, std::move(*file)));
}

StreamOutput::StreamOutput(AccessTarget target, int standard_output, UniqueFd file)
    : target_(std::move(target)),
      standard_output_(standard_output),
      file_(std::move(file)),
      output_(file_ ? file_.get() : standard_output_),
      most_per_write_(most_per_write(file_ ? file_.get() : standard_output_)) {}

uint64_t StreamOutput::write(std::string_view lines) {
  uint64_t lost = 0;
  while (!lines.empty()) {
    const std::string_view piece = front_of(lines, most_per_write_);
    lines.remove_prefix(piece.size());
    const size_t done = output_.write_front(piece);
    if (done < piece.size()) lost += count_lines(piece.substr(done));
  }
  return lost;
}

Result<> StreamOutput::reopen() {
  auto file = open_access_target(target_);
  if (!file) return pass_on(file);
  const int fd = *file ? file->get() : standard_output_;
  output_ = LogOutput(fd);
  most_per_write_ = most_per_write(fd);
  file_ = std::move(*file);
  return {};
}

Result<std::unique_ptr<LineOutput>> open_line_output(const AccessTarget& target) {
  return target.is_syslog() ? SyslogOutput::open(target)
                            : StreamOutput::open(target, STDOUT_FILENO);
}

}  // namespace tricorn
