// ControlChannel: the master's end of the control socket to one zygote or worker, on the loop.
#pragma once

#include <functional>
#include <optional>

#include "common/control_message.h"
#include "supervisor/os/event_loop.h"

namespace tricorn {

class ControlChannel {
 public:
  struct Handler {
    std::function<void(ControlMessage)> on_message;  // must not destroy the channel
    std::function<void()> on_closed;                 // once, after the last message; may destroy it
  };

  // `fd` is one end of make_control_pair(). Nothing is read before start().
  explicit ControlChannel(UniqueFd fd) : fd_(std::move(fd)) {}

  // Starts reading. The loop and what the handler refers to outlive the channel.
  void start(EventLoop& loop, Handler handler);
  // Delivers now what has already arrived, the end of file included. No effect before start() and
  // after the end.
  void deliver_arrived();

  Result<> send(const ControlMessage& message) { return send_control(fd_.get(), message); }
  // Delivers nothing more, on_closed included. May be called by on_message.
  void stop() { watcher_.reset(); }
  // The peer reads end of file; what it still sends is still delivered.
  void close_sending();

 private:
  void finish();

  UniqueFd fd_;
  Handler handler_;
  std::optional<FdWatcher>
      watcher_;  // set while reading; after fd_: stops watching before the descriptor closes
};

}  // namespace tricorn
