// StreamTransport: what is watched when, and the three system calls of a stream.
#include "worker/transport/stream_transport.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tricorn {
namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// What went wrong on a socket that poll calls broken.
int pending_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  return error == 0 ? -EPIPE : -error;  // no error, but hung up: a unix peer that closed
}

bool is_broken(int fd) {
  pollfd query{.fd = fd, .events = 0, .revents = 0};
  return ::poll(&query, 1, 0) > 0 && (query.revents & (POLLERR | POLLHUP)) != 0;
}

// The usual single piece goes by send(2): the kernel copies neither msghdr nor iovecs in.
ssize_t send_pieces(int fd, std::span<iovec> pieces, int flags) {
  if (pieces.size() == 1) return ::send(fd, pieces[0].iov_base, pieces[0].iov_len, flags);
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return ::sendmsg(fd, &message, flags);
}

// One system call's worth: how much was offered, and what the call returned.
struct Attempt {
  size_t offered;
  ssize_t sent;
};

// The bytes before a file wait for its first ones: a head leaves in the packet of its body.
Attempt send_memory(int fd, const OutputQueue& queue) {
  std::array<iovec, OutputQueue::kMaxIovecs> pieces;
  bool file_follows = false;
  const size_t count = queue.iovecs(pieces, &file_follows);
  size_t offered = 0;
  for (size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
  const int flags = file_follows ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
  return {offered, send_pieces(fd, {pieces.data(), count}, flags)};
}

// For the few file systems that cannot do sendfile.
Attempt send_copy(int fd, const FileView& file) {
  std::array<char, 64 * 1024> buffer;
  const ssize_t count = file.read(buffer);
  if (count <= 0) return {file.length, count};
  const auto size = static_cast<size_t>(count);
  return {size, ::send(fd, buffer.data(), size, MSG_NOSIGNAL)};
}

// sendfile knows no MSG_NOSIGNAL: a worker ignores SIGPIPE, as Python does by itself.
Attempt send_file(int fd, const FileView& file, size_t most) {
  auto offset = static_cast<off_t>(file.offset);
  const size_t offered = std::min(file.length, most);
  const ssize_t sent = ::sendfile(fd, file.fd, &offset, offered);
  if (sent < 0 && (errno == EINVAL || errno == ENOSYS)) return send_copy(fd, file);
  return {offered, sent};
}

}  // namespace

StreamTransport::StreamTransport(UniqueFd socket, TransportEvents& events,
                                 std::span<char> read_buffer)
    : events_(events), read_buffer_(read_buffer), socket_(std::move(socket)) {}

int StreamTransport::open(uv_loop_t* loop) {
  int error =
      poll_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(loop, poll, socket_.get()); });
  if (error < 0) socket_.reset();
  return error;
}

void StreamTransport::start_reading() {
  reading_ = true;
  update_interest();
}

void StreamTransport::stop_reading() {
  reading_ = false;
  update_interest();
}

void StreamTransport::read_now() {
  if (reading_ && !read_ended_ && poll_) read_once();
}

// A change costs two epoll_ctl calls in libuv, so it is made only when the set differs. Reading
// watches for input. Not reading watches for resets: epoll reports them whatever is asked for, but
// libuv must be asked for something. UV_DISCONNECT (the peer half-closed) is level-triggered: once
// seen, UV_PRIORITIZED stands in for it.
void StreamTransport::update_interest() {
  if (!poll_) return;
  int wanted = awaiting_writable_ ? UV_WRITABLE : 0;
  if (reading_ && !read_ended_) {
    wanted |= UV_READABLE;
    deaf_ = false;
  } else if (!deaf_) {
    wanted |= read_ended_ || peer_half_closed_ ? UV_PRIORITIZED : UV_DISCONNECT;
  }
  if (wanted == interest_) return;
  interest_ = wanted;
  if (wanted == 0) {
    uv_poll_stop(poll_.get());
  } else {
    uv_poll_start(poll_.get(), wanted, on_poll);
  }
}

void StreamTransport::on_poll(uv_poll_t* handle, int status, int events) noexcept {
  if (handle->data != nullptr)
    static_cast<StreamTransport*>(handle->data)->on_ready(status, events);
}

void StreamTransport::on_ready(int status, int events) {
  if (status < 0) {  // libuv saw EPOLLERR and stopped the handle
    interest_ = 0;
    if (reading_ && !read_ended_) return read_until_error();  // what came before the reset first
    return lose(pending_error(socket_.get()));
  }
  if ((events & (UV_DISCONNECT | UV_PRIORITIZED)) != 0) on_quiet_event(events);
  if (poll_ && awaiting_writable_ && (events & UV_WRITABLE) != 0) {
    awaiting_writable_ = false;
    events_.on_writable();
    update_interest();
  }
  if (poll_ && reading_ && !read_ended_ && (events & UV_READABLE) != 0) read_once();
}

void StreamTransport::on_quiet_event(int events) {
  if (is_broken(socket_.get())) return lose(pending_error(socket_.get()));
  if ((events & UV_PRIORITIZED) != 0) deaf_ = true;  // urgent data, which nobody reads
  peer_half_closed_ = true;
  update_interest();
}

void StreamTransport::read_until_error() {
  while (poll_ && reading_ && read_once()) {
  }
  // The callee paused, or the error was taken by somebody else: nothing more will be reported, so
  // end it here.
  if (poll_) lose(pending_error(socket_.get()));
}

bool StreamTransport::read_once() {
  ssize_t count;
  do {
    count = ::recv(socket_.get(), read_buffer_.data(), read_buffer_.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    events_.on_read({read_buffer_.data(), static_cast<size_t>(count)});
    return true;
  }
  if (count == 0) {
    read_ended_ = true;
    events_.on_read_end();  // often closes, which saves the update
    update_interest();
  } else if (!would_block(errno)) {
    lose(-errno);
  }
  return false;
}

std::expected<size_t, int> StreamTransport::flush(OutputQueue& queue) {
  size_t taken = 0;
  size_t file_budget = kFileBytesPerFlush;
  while (!awaiting_writable_ && poll_ && !queue.empty()) {
    const std::optional<FileView> file = queue.front_file();
    if (file && file_budget == 0) {
      await_writable();  // which the socket is by now: other connections get their turn first
      break;
    }
    const Attempt attempt =
        file ? send_file(socket_.get(), *file, file_budget) : send_memory(socket_.get(), queue);
    if (attempt.sent < 0 && errno == EINTR) continue;
    if (attempt.sent < 0 && !would_block(errno)) return std::unexpected(-errno);
    if (attempt.sent == 0 && file) return std::unexpected(kFileTooShort);
    const size_t sent = attempt.sent > 0 ? static_cast<size_t>(attempt.sent) : 0;
    queue.consume(sent);
    taken += sent;
    if (file) file_budget -= std::min(sent, file_budget);
    if (sent < attempt.offered) await_writable();  // a short write means a full socket buffer
  }
  return taken;
}

void StreamTransport::await_writable() {
  awaiting_writable_ = true;
  update_interest();
}

void StreamTransport::shutdown_write() {
  if (socket_) ::shutdown(socket_.get(), SHUT_WR);
}

void StreamTransport::close() {
  poll_.close();  // takes the descriptor out of epoll at once, so it can be closed
  socket_.reset();
}

void StreamTransport::reset() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  if (socket_) ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

void StreamTransport::lose(int error) {
  close();
  events_.on_lost(error);
}

}  // namespace tricorn
