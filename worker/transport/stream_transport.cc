// StreamTransport: what is watched when, and the three system calls of a stream.
#include "worker/transport/stream_transport.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/socket_output.h"

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

// For the few file systems that cannot do sendfile.
SendResult send_copy(int fd, const FileView& file) {
  std::array<char, 64 * 1024> buffer;
  const ssize_t count = file.read(buffer);
  if (count <= 0) return send_result(file.length, count);
  const auto size = static_cast<size_t>(count);
  return send_result(size, ::send(fd, buffer.data(), size, MSG_NOSIGNAL));
}

// sendfile knows no MSG_NOSIGNAL: a worker ignores SIGPIPE, as Python does by itself.
SendResult send_file(int fd, const FileView& file, size_t most) {
  auto offset = static_cast<off_t>(file.offset);
  const size_t offered = std::min(file.length, most);
  const ssize_t sent = ::sendfile(fd, file.fd, &offset, offered);
  if (sent < 0 && (errno == EINVAL || errno == ENOSYS)) return send_copy(fd, file);
  return send_result(offered, sent);
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
    const SendResult result =
        file ? send_file(socket_.get(), *file, file_budget) : send_front(socket_.get(), queue);
    if (result.interrupted) continue;
    if (result.error != 0) return std::unexpected(-result.error);
    if (file && result.sent == 0 && !result.full) return std::unexpected(kFileTooShort);
    queue.consume(result.sent);
    taken += result.sent;
    if (file) file_budget -= std::min(result.sent, file_budget);
    if (result.full) await_writable();
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
