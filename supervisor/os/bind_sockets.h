// BindSockets: all listening sockets of a master, from options or from the service manager.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/cli.h"
#include "supervisor/os/listen_socket.h"

namespace tricorn {

class BindSockets {
 public:
  BindSockets() = default;  // none
  // Binds what `options` ask for, or adopts the sockets of LISTEN_FDS (systemd.socket) in their
  // place unless some bind is an fd:// itself. Takes the LISTEN_* variables out of `environment`:
  // workers must not take them for theirs.
  static Result<BindSockets> open(const Options& options, Environment& environment);

  Result<> listen();
  void close();  // socket files of ours go too

  std::vector<int> fds() const;
  std::vector<ListenerSettings> settings() const;
  std::vector<std::string> urls() const;

 private:
  std::vector<ListenSocket> sockets_;
  uint32_t backlog_ = 0;
};

}  // namespace tricorn
