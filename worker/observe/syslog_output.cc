// SyslogOutput: see line_output.h.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "worker/observe/line_output.h"

namespace tricorn {
namespace {

constexpr size_t kLinesPerCall = 64;
constexpr int kPriority = 1 * 8 + 6;  // facility user, severity info
constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "-";
}

bool is_gone(int error) {
  return error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET;
}

}  // namespace

Result<std::unique_ptr<LineOutput>> SyslogOutput::open(AccessTarget target) {
  auto socket = open_access_target(target);
  if (!socket) return pass_on(socket);
  return std::unique_ptr<LineOutput>(new SyslogOutput(std::move(target), std::move(*socket)));
}

SyslogOutput::SyslogOutput(AccessTarget target, UniqueFd socket)
    : target_(std::move(target)), socket_(std::move(socket)), host_(host_name()) {}

void SyslogOutput::stamp() {
  const std::time_t now = std::time(nullptr);
  if (now == stamped_) return;
  stamped_ = now;
  std::tm t{};
  if (target_.kind == AccessTarget::Kind::kSyslogUnix) {  // RFC 3164 4.1: local time
    localtime_r(&now, &t);
    header_ = fmt::format("<{}>{} {:2} {:02}:{:02}:{:02} tricorn[{}]: ", kPriority,
                          kMonths[static_cast<size_t>(t.tm_mon)], t.tm_mday, t.tm_hour, t.tm_min,
                          t.tm_sec, ::getpid());
  } else {  // RFC 5424 6
    gmtime_r(&now, &t);
    header_ = fmt::format("<{}>1 {:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z {} tricorn {} access - ",
                          kPriority, t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                          t.tm_sec, host_, ::getpid());
  }
}

uint64_t SyslogOutput::write(std::string_view lines) {
  stamp();
  uint64_t lost = 0;
  while (!lines.empty()) lost += send_some(lines);
  return lost;
}

// Takes up to kLinesPerCall lines off `lines`; returns how many of them were lost.
uint64_t SyslogOutput::send_some(std::string_view& lines) {
  std::array<std::array<iovec, 2>, kLinesPerCall> parts;
  std::array<mmsghdr, kLinesPerCall> messages{};
  unsigned count = 0;
  for (; count < kLinesPerCall && !lines.empty(); ++count) {
    const size_t end = lines.find('\n');
    parts[count] = {iovec{header_.data(), header_.size()},
                    iovec{const_cast<char*>(lines.data()), end}};
    messages[count].msg_hdr.msg_iov = parts[count].data();
    messages[count].msg_hdr.msg_iovlen = parts[count].size();
    lines.remove_prefix(end + 1);
  }
  unsigned sent = 0;
  bool reopened = false;
  while (sent < count) {
    const int done = ::sendmmsg(socket_.get(), &messages[sent], count - sent, MSG_NOSIGNAL);
    if (done > 0) {
      sent += static_cast<unsigned>(done);
      continue;
    }
    if (errno == EINTR) continue;
    error_ = errno;
    // A daemon that was started anew, or an answer to an earlier datagram: once more, from the top.
    if (!is_gone(error_) || std::exchange(reopened, true)) break;
    if (target_.kind == AccessTarget::Kind::kSyslogUnix && !reopen()) break;
  }
  return count - sent;
}

Result<> SyslogOutput::reopen() {
  auto socket = open_access_target(target_);
  if (!socket) return pass_on(socket);
  socket_ = std::move(*socket);
  return {};
}

}  // namespace tricorn
