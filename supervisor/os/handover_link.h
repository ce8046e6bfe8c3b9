// HandoverLink: how an old and a new master talk while one replaces the other (USR2).
//
//   old → new   offer      what the new one may inherit (Inheritance); waits in the socket when the
//   new one starts
//               take-over  it is in charge from now on
//               return     an undo: it is to give back the charge, and then to stop
//               dismiss    it was never in charge, and is to stop
//   new → old   ready      its workers serve; what it inherited
//               returned   the old one is in charge again
//               stopping   so it is, because the new one was asked to stop
//
// The two may be of different versions: messages are words and named values, and both sides ignore
// what they do not know. End of file means that the peer is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "supervisor/os/event_loop.h"

namespace tricorn {

struct HandoverMessage {
  std::string word;
  std::vector<std::pair<std::string, std::string>> fields;  // name, value
  std::vector<UniqueFd> fds;  // the first one belongs to the first field, and so on

  std::vector<std::string> values_of(std::string_view name) const;
  // nullopt: there is no such field, or it is no number.
  std::optional<int64_t> number_of(std::string_view name) const;
};

class HandoverLink {
 public:
  struct Handler {
    std::function<void(const HandoverMessage&)> on_message;  // must not destroy the link
    std::function<void()> on_closed;                         // once, after the last message
  };

  HandoverLink() = default;  // none
  // `fd`: one end of make_control_pair().
  explicit HandoverLink(UniqueFd fd) : fd_(std::move(fd)) {}

  // The loop and what the handler refers to outlive the link, and the link stays where it is from
  // now on.
  void start(EventLoop& loop, Handler handler);
  // Delivers now what has already arrived.
  void deliver_arrived();
  Result<> send(const HandoverMessage& message);
  // The next message; nullopt: none is there, or the peer is gone.
  Result<std::optional<HandoverMessage>> receive();

  explicit operator bool() const { return static_cast<bool>(fd_); }

 private:
  UniqueFd fd_;
  bool ended_ = false;
  Handler handler_;
  std::optional<FdWatcher> watcher_;  // after fd_: stops watching before the descriptor closes
};

}  // namespace tricorn
