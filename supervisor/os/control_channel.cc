// Reads control messages until there are no more; a malformed one ends the channel like a dead peer
// would.
#include "supervisor/os/control_channel.h"

#include <sys/socket.h>

#include "common/logging.h"

namespace tricorn {

void ControlChannel::start(EventLoop& loop, Handler handler) {
  handler_ = std::move(handler);
  watcher_.emplace(loop, fd_.get(), [this] { deliver_arrived(); });
}

void ControlChannel::deliver_arrived() {
  while (watcher_) {
    ControlMessage message{};
    auto status = receive_control(fd_.get(), message);
    if (!status) {
      bool died_with_unread_orders = status.error().sys_errno == ECONNRESET;
      if (!died_with_unread_orders) log_error("control channel: {}", status.error().message);
      return finish();
    }
    if (*status == ReceiveStatus::kWouldBlock) return;
    if (*status == ReceiveStatus::kClosed) return finish();
    handler_.on_message(std::move(message));
  }
}

void ControlChannel::finish() {
  watcher_.reset();
  auto on_closed = std::move(handler_.on_closed);
  on_closed();  // may have destroyed *this
}

void ControlChannel::close_sending() { ::shutdown(fd_.get(), SHUT_WR); }

}  // namespace tricorn
