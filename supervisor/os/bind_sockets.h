// BindSockets: all listening sockets of a master, from options or from the service manager.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/cli.h"
#include "supervisor/os/inheritance.h"
#include "supervisor/os/listen_socket.h"

namespace tricorn {

class BindSockets {
 public:
  BindSockets() = default;  // none
  // Binds what `options` ask for, or adopts the sockets of LISTEN_FDS (systemd.socket) in their
  // place unless some bind is an fd:// itself. Takes the LISTEN_* variables out of `environment`:
  // workers must not take them for theirs.
  static Result<BindSockets> open(const Options& options, Environment& environment);
  // The same, with the sockets of an old master wherever it had the same binds.
  static Result<BindSockets> open(const Options& options, Environment& environment,
                                  Inheritance& inheritance);

  Result<> listen();
  // Socket files of ours go too. Those of another master go with the BindSockets, if they have come
  // to be ours by then.
  void close();

  std::vector<int> fds() const;
  std::vector<ListenerSettings> settings() const;
  std::vector<std::string> urls() const;

  // For a new master: what it may inherit. Without sockets whose file somebody else has replaced.
  std::vector<const ListenSocket*> offers() const;
  bool activated() const { return activated_; }  // of LISTEN_FDS
  // Whose their files are, of the sockets of these binds.
  void set_files_ours(const std::vector<std::string>& binds, bool ours);
  std::vector<std::string> inherited_binds() const;

 private:
  std::vector<ListenSocket> sockets_;
  uint32_t backlog_ = 0;
  bool activated_ = false;
};

}  // namespace tricorn
