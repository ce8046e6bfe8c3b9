// ListenSocket: one bound socket of the master, held for its whole life and inherited by the
// workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "common/worker_settings.h"
#include "config/bind_spec.h"
#include "supervisor/os/unix_socket_file.h"

struct addrinfo;

namespace tricorn {

// Close-on-exec and non-blocking, like every socket here.
class ListenSocket {
 public:
  // How TCP addresses are bound.
  struct TcpOptions {
    bool v6_only = false;     // else a wildcard IPv6 address serves IPv4 too
    bool reuse_port = false;  // others may bind it, too, and get a share of the connections
    uint32_t parts = 1;       // sockets per address; more than one wants reuse_port
  };

  // Every address that the host stands for. Resolves names: may block, so only at start.
  static Result<std::vector<ListenSocket>> bind_tcp(const BindSpec& spec,
                                                    const TcpOptions& options);
  // A socket file is made with exactly `permissions`, or as the umask says; nobody can connect
  // before listen().
  static Result<ListenSocket> bind_unix(const std::string& path,
                                        std::optional<uint32_t> permissions);
  // A socket that our parent (a service manager, a shell) has bound, and perhaps made listen.
  static Result<ListenSocket> adopt(int fd);

  // The socket of an old master, of a bind that was written like this. Its file stays that master's
  // until set_file_ours().
  static Result<ListenSocket> inherit(UniqueFd fd, std::string bind);

  // A socket file becomes this user's; of the others nothing does.
  Result<> give_to(uid_t uid, gid_t gid) const { return file_.give_to(uid, gid); }
  Result<> listen(uint32_t backlog);  // nothing to do for one that listens already

  int fd() const { return fd_.get(); }
  const ListenerSettings& settings() const { return settings_; }
  // As to_string(BindSpec) wrote it: what an old and a new master know it by.
  const std::string& bind() const { return bind_; }
  void set_bind(std::string bind) { bind_ = std::move(bind); }
  bool file_in_place() const { return file_.in_place(); }
  void set_file_ours(bool ours) { file_.set_ours(ours); }
  bool file_ours() const { return file_.ours(); }
  bool inherited() const { return inherited_; }
  // Of how many sockets of its address it is which.
  void set_part(uint32_t part, uint32_t parts);
  void close() { fd_.reset(); }  // its file stays
  std::string url() const;       // "http://127.0.0.1:8000", "unix:/run/app.sock"

 private:
  static Result<std::vector<ListenSocket>> bind_address(const addrinfo& address,
                                                        const BindSpec& spec,
                                                        const TcpOptions& options);
  ListenSocket(UniqueFd fd, ListenerSettings settings)
      : fd_(std::move(fd)), settings_(std::move(settings)) {}

  UniqueFd fd_;
  ListenerSettings settings_;
  std::string bind_;
  bool listening_ = false;
  bool inherited_ = false;
  UnixSocketFile file_;  // removed with the socket
};

}  // namespace tricorn
