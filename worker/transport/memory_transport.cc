// MemoryTransport: a socket's behaviour without a socket.
#include "worker/transport/memory_transport.h"

#include <algorithm>
#include <array>
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
    std::array<iovec, OutputQueue::kMaxIovecs> pieces;
    size_t count = queue.iovecs(pieces);
    size_t accepted = 0;
    for (size_t i = 0; i < count && write_capacity_ > 0; ++i) {
      size_t bytes = std::min(pieces[i].iov_len, write_capacity_);
      sent_.append(static_cast<const char*>(pieces[i].iov_base), bytes);
      if (write_capacity_ != static_cast<size_t>(-1)) write_capacity_ -= bytes;
      accepted += bytes;
    }
    queue.consume(accepted);
    taken += accepted;
    if (write_capacity_ == 0 && !queue.empty()) awaiting_writable_ = true;
  }
  return taken;
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
