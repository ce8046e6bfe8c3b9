// Inheritance: what a new master gets from the old one that started it (USR2).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/cli.h"
#include "supervisor/os/handover_link.h"
#include "supervisor/os/listen_socket.h"

namespace tricorn {

// The variable that names the descriptor of a new master's link to the old one.
inline constexpr const char* kHandoverVariable = "TRICORN_HANDOVER_FD";

// What an old master offers. All in it outlives the call that it is for.
struct Offer {
  std::vector<const ListenSocket*> sockets;
  bool activated = false;  // they were passed by the service manager
  int pid_file = -1;       // locked; -1: none
  std::string pid_path;
  std::string control_path;  // of a control socket that is held; "": none is
};
Result<HandoverMessage> to_message(const Offer& offer);

class Inheritance {
 public:
  Inheritance() = default;  // of a master that is nobody's successor
  // Takes the variable out of `environment`, and the offer out of the link. An Error: the variable
  // leads nowhere.
  static Result<Inheritance> take_from(Environment& environment);

  bool present() const { return static_cast<bool>(link_); }
  pid_t predecessor() const { return predecessor_; }
  // The sockets of a bind that is written like this, or whose address reads like this.
  std::vector<ListenSocket> take_sockets(const std::string& bind);
  // How many the service manager had passed.
  int activated_sockets() const { return activated_sockets_; }
  // Where the old master has its control socket; "": it has none.
  const std::string& control_path() const { return control_path_; }
  // The locked file; none if the old master had not this one.
  UniqueFd take_pid_file(const std::string& path);
  // The last thing to take: closes what was not taken before. The kernel would go on taking
  // connections to a socket that nobody accepts from.
  HandoverLink take_link() { return std::exchange(*this, Inheritance()).link_; }

 private:
  Result<> accept(HandoverMessage offer);

  HandoverLink link_;
  pid_t predecessor_ = 0;
  std::vector<ListenSocket> sockets_;
  int activated_sockets_ = 0;
  UniqueFd pid_file_;
  std::string pid_path_;
  std::string control_path_;
};

}  // namespace tricorn
