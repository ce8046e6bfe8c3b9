// send_front: see the header.
#include "common/socket_output.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>

namespace tricorn {
namespace {

// The usual single piece goes by send(2): the kernel copies neither msghdr nor iovecs in.
ssize_t send_pieces(int fd, std::span<iovec> pieces, int flags) {
  if (pieces.size() == 1) return ::send(fd, pieces[0].iov_base, pieces[0].iov_len, flags);
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return ::sendmsg(fd, &message, flags);
}

}  // namespace

SendResult send_result(size_t offered, ssize_t sent) {
  if (sent >= 0) {
    const auto taken = static_cast<size_t>(sent);
    return {.sent = taken, .full = sent > 0 && taken < offered};
  }
  return {.full = errno == EAGAIN,
          .interrupted = errno == EINTR,
          .error = errno == EAGAIN || errno == EINTR ? 0 : errno};
}

SendResult send_front(int fd, const OutputQueue& queue) {
  std::array<iovec, OutputQueue::kMaxIovecs> pieces;
  bool file_follows = false;
  const size_t count = queue.iovecs(pieces, &file_follows);
  size_t offered = 0;
  for (size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
  const int flags = file_follows ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
  return send_result(offered, send_pieces(fd, {pieces.data(), count}, flags));
}

}  // namespace tricorn
