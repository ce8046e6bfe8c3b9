// The offer as a message, and back.
#include "supervisor/os/inheritance.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>

#include "common/syscall.h"
#include "supervisor/os/handover_words.h"

namespace tricorn {
namespace {

Result<> add(HandoverMessage& message, const char* name, const std::string& value, int fd) {
  auto copy = sys("dup", value, [&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); });
  if (!copy) return pass_on(copy);
  message.fields.emplace_back(name, value);
  message.fds.emplace_back(*copy);
  return {};
}

int to_number(const std::string& text) {
  int value = -1;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

bool is_link(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

// Several sockets of one address are what --reuse-port made.
void number_parts(std::vector<ListenSocket>& sockets) {
  for (size_t i = 0; i < sockets.size(); ++i) {
    const auto same = [&](const ListenSocket& other) {
      return other.settings().name == sockets[i].settings().name;
    };
    const auto before = sockets.begin() + static_cast<std::ptrdiff_t>(i);
    sockets[i].set_part(static_cast<uint32_t>(std::count_if(sockets.begin(), before, same)),
                        static_cast<uint32_t>(std::ranges::count_if(sockets, same)));
  }
}

}  // namespace

Result<HandoverMessage> to_message(const Offer& offer) {
  HandoverMessage message{.word = words::kOffer, .fields = {}, .fds = {}};
  for (const ListenSocket* socket : offer.sockets) {
    if (auto added = add(message, words::kSocket, socket->bind(), socket->fd()); !added) {
      return pass_on(added);
    }
  }
  if (offer.pid_file >= 0) {
    auto added = add(message, words::kPidFile, offer.pid_path, offer.pid_file);
    if (!added) return pass_on(added);
  }
  message.fields.emplace_back(words::kPid, std::to_string(::getpid()));
  if (!offer.control_path.empty()) {
    message.fields.emplace_back(words::kControlSocket, offer.control_path);
  }
  if (offer.activated) {
    message.fields.emplace_back(words::kActivated, std::to_string(offer.sockets.size()));
  }
  return message;
}

Result<Inheritance> Inheritance::take_from(Environment& environment) {
  auto variable = environment.extract(kHandoverVariable);
  if (variable.empty()) return Inheritance();
  int fd = to_number(variable.mapped());
  auto nothing = std::string(kHandoverVariable) + "=" + variable.mapped() +
                 " leads to no old master: it is not for you to set";
  if (fd < 0 || !is_link(fd)) return fail(nothing);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  Inheritance inheritance;
  inheritance.link_ = HandoverLink(UniqueFd(fd));
  auto offer = inheritance.link_.receive();
  if (!offer) return pass_on(offer);
  if (!*offer || (*offer)->word != words::kOffer) return fail(nothing);
  auto accepted = inheritance.accept(std::move(**offer));
  if (!accepted) return pass_on(accepted);
  return inheritance;
}

Result<> Inheritance::accept(HandoverMessage offer) {
  for (size_t i = 0; i < offer.fds.size() && i < offer.fields.size(); ++i) {
    const auto& [name, value] = offer.fields[i];
    if (name == words::kSocket) {
      auto socket = ListenSocket::inherit(std::move(offer.fds[i]), value);
      if (!socket) return pass_on(socket);
      sockets_.push_back(std::move(*socket));
    } else if (name == words::kPidFile) {
      pid_file_ = std::move(offer.fds[i]);
      pid_path_ = value;
    }
  }
  for (const auto& value : offer.values_of(words::kControlSocket)) control_path_ = value;
  predecessor_ = static_cast<pid_t>(offer.number_of(words::kPid).value_or(0));
  activated_sockets_ = static_cast<int>(offer.number_of(words::kActivated).value_or(0));
  return {};
}

std::vector<ListenSocket> Inheritance::take_sockets(const std::string& bind) {
  auto fits = [&](const ListenSocket& socket) {
    return socket.bind() == bind || socket.settings().name == bind;
  };
  auto kept = std::ranges::stable_partition(sockets_, std::not_fn(fits)).begin();
  std::vector<ListenSocket> taken(std::make_move_iterator(kept),
                                  std::make_move_iterator(sockets_.end()));
  sockets_.erase(kept, sockets_.end());
  number_parts(taken);
  return taken;
}

UniqueFd Inheritance::take_pid_file(const std::string& path) {
  return path == pid_path_ ? std::move(pid_file_) : UniqueFd();
}

}  // namespace tricorn
