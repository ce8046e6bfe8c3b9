// One SCM_RIGHTS record out; any number of them in.
#include "common/passed_fds.h"

#include <cassert>
#include <cstring>

namespace tricorn {

void PassedFds::attach(const std::vector<UniqueFd>& fds, msghdr& envelope) {
  assert(fds.size() <= kMaxPassedFds);
  if (fds.empty()) return;
  envelope.msg_control = space_;
  envelope.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* rights = CMSG_FIRSTHDR(&envelope);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  for (size_t i = 0; i < fds.size(); ++i) {
    int sent = fds[i].get();
    std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &sent, sizeof sent);
  }
}

void PassedFds::make_room(msghdr& envelope) {
  envelope.msg_control = space_;
  envelope.msg_controllen = sizeof space_;
}

std::vector<UniqueFd> PassedFds::take(msghdr& envelope) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&envelope); part; part = CMSG_NXTHDR(&envelope, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace tricorn
