// MemoryTransport: a socket's behaviour without a socket.
#include "worker/transport/memory_transport.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace tricorn {

void MemoryTransport::deliver(std::string_view bytes) {
  unread_.append(bytes);
  pump();
}

void MemoryTransport::deliver_end() {
  end_unread_ = true;
  pump();
}

void MemoryTransport::deliver_reset(int error) {
  if (std::exchange(closed_, true)) return;
  events_.on_lost(error);
}

void MemoryTransport::make_writable(size_t bytes) {
  write_capacity_ += bytes;
  if (closed_ || !std::exchange(awaiting_writable_, false)) return;
  events_.on_writable();
}

// Does not deliver what was held back: as with a socket, that comes from the loop (read_now or the
// next deliver).
void MemoryTransport::start_reading() { reading_ = true; }

std::expected<size_t, int> MemoryTransport::flush(OutputQueue& queue) {
  if (write_error_ != 0) return std::unexpected(write_error_);
  size_t taken = 0;
  while (!awaiting_writable_ && !closed_ && !queue.empty()) {
    const auto accepted = take_front(queue);
    if (!accepted) return accepted;
    queue.consume(*accepted);
    taken += *accepted;
    if (write_capacity_ != static_cast<size_t>(-1)) write_capacity_ -= *accepted;
    if (write_capacity_ == 0 && !queue.empty()) awaiting_writable_ = true;
  }
  return taken;
}

// Within the capacity. Files are read, as a transport must that cannot use sendfile.
std::expected<size_t, int> MemoryTransport::take_front(const OutputQueue& queue) {
  const size_t before = sent_.size();
  if (const auto file = queue.front_file()) {
    std::array<char, 16 * 1024> buffer;
    const size_t most = std::min(buffer.size(), write_capacity_);
    const ssize_t count = file->read({buffer.data(), most});
    if (count < 0) return std::unexpected(-errno);
    if (count == 0 && most > 0) return std::unexpected(kFileTooShort);
    sent_.append(buffer.data(), static_cast<size_t>(count));
    return static_cast<size_t>(count);
  }
  std::array<iovec, OutputQueue::kMaxIovecs> pieces;
  const size_t count = queue.iovecs(pieces);
  for (size_t i = 0; i < count; ++i) {
    const size_t most = write_capacity_ - (sent_.size() - before);
    sent_.append(static_cast<const char*>(pieces[i].iov_base), std::min(pieces[i].iov_len, most));
  }
  return sent_.size() - before;
}

void MemoryTransport::pump() {
  if (reading_ && !closed_ && !unread_.empty()) {
    std::string bytes = std::exchange(unread_, {});
    events_.on_read(bytes);
  }
  if (reading_ && !closed_ && unread_.empty() && std::exchange(end_unread_, false)) {
    events_.on_read_end();
  }
}

}  // namespace tricorn
