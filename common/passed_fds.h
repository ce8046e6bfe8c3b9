// Descriptors that travel beside a message through a unix socket (SCM_RIGHTS).
#pragma once

#include <sys/socket.h>

#include <vector>

#include "common/unique_fd.h"

namespace tricorn {

inline constexpr size_t kMaxPassedFds = 64;

// The ancillary part of one message. Outlives the sendmsg() or recvmsg() that its envelope is for.
class PassedFds {
 public:
  // Sends `fds`, kMaxPassedFds at most; they stay open here.
  void attach(const std::vector<UniqueFd>& fds, msghdr& envelope);
  void make_room(msghdr& envelope);
  // All that came, whatever else is wrong with the message.
  static std::vector<UniqueFd> take(msghdr& envelope);

 private:
  alignas(cmsghdr) char space_[CMSG_SPACE(kMaxPassedFds * sizeof(int))] = {};
};

}  // namespace tricorn
