// A client's life: its line is read, it waits for its answer, the answer is written.
#include "supervisor/os/line_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tricorn {
namespace {

constexpr int kAcceptsAtOnce = 64;
constexpr auto kPauseWithoutDescriptors = milliseconds(500);

bool may_speak(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

bool must_wait(int sys_errno) { return sys_errno == EAGAIN || sys_errno == EWOULDBLOCK; }

}  // namespace

struct LineServer::Client {
  enum class State : uint8_t { kSpeaks, kWaits, kReads };

  Client(UniqueFd descriptor, EventLoop& loop, const std::function<void()>& on_event,
         const std::function<void()>& on_late)
      : fd(std::move(descriptor)), watcher(loop, fd.get(), on_event), patience(loop, on_late) {}

  UniqueFd fd;
  FdWatcher watcher;
  Timer patience;
  State state = State::kSpeaks;
  std::string text;  // the line so far, then the answer
  size_t sent = 0;   // of the answer
};

LineServer::LineServer(EventLoop& loop, ListenSocket socket, Limits limits, Handler handler)
    : loop_(loop),
      limits_(limits),
      handler_(std::move(handler)),
      socket_(std::move(socket)),
      resume_(loop, [this] { watch(); }) {
  watch();
}

LineServer::~LineServer() = default;

void LineServer::watch() {
  watcher_ = std::make_unique<FdWatcher>(loop_, socket_.fd(), [this] { accept_some(); });
}

// The rest comes at the next turn of the loop: signals and workers have theirs in between.
void LineServer::accept_some() {
  for (int i = 0; i < kAcceptsAtOnce && watcher_; ++i) {
    const int accepted = ::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted >= 0) {
      admit(UniqueFd(accepted));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      watcher_.reset();  // it would wake us without an end
      resume_.arm(kPauseWithoutDescriptors);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

void LineServer::admit(UniqueFd fd) {
  const bool permitted = may_speak(fd.get());
  const bool room = clients_.size() < limits_.clients;
  if (!permitted || !room) {
    const std::string line =
        handler_.refusal(permitted ? Refusal::kBusy : Refusal::kForbidden) + "\n";
    (void)::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL);  // fits, or nobody is to blame
    return;
  }
  const ClientId id = ++last_id_;
  auto& client = clients_[id];
  client = std::make_unique<Client>(
      std::move(fd), loop_, [this, id] { on_event(id); }, [this, id] { drop(id); });
  client->patience.arm(limits_.patience);
}

void LineServer::on_event(ClientId id) {
  switch (clients_.at(id)->state) {
    case Client::State::kSpeaks:
      return read_line(id);
    case Client::State::kWaits:
      return drop(id);  // has gone, or says more than its line
    case Client::State::kReads:
      return write_answer(id);
  }
}

void LineServer::read_line(ClientId id) {
  Client& client = *clients_.at(id);
  char buffer[4096];
  const ssize_t size = ::recv(client.fd.get(), buffer, sizeof buffer, 0);
  if (size < 0 && (must_wait(errno) || errno == EINTR)) return;
  if (size <= 0) return drop(id);
  client.text.append(buffer, static_cast<size_t>(size));
  const size_t end = client.text.find('\n');
  if (std::min(end, client.text.size()) > limits_.line_bytes) {
    return answer(id, handler_.refusal(Refusal::kTooLong));
  }
  if (end == std::string::npos) return;
  client.state = Client::State::kWaits;
  client.patience.disarm();
  std::string line = std::exchange(client.text, {});
  line.resize(end);
  handler_.on_line(id, std::move(line));
}

void LineServer::answer(ClientId id, std::string line) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  client.state = Client::State::kReads;
  client.text = std::move(line) + "\n";
  client.watcher.wait_writable();
  client.patience.arm(limits_.patience);
  write_answer(id);
}

void LineServer::write_answer(ClientId id) {
  Client& client = *clients_.at(id);
  while (client.sent < client.text.size()) {
    const ssize_t size = ::send(client.fd.get(), client.text.data() + client.sent,
                                client.text.size() - client.sent, MSG_NOSIGNAL);
    if (size >= 0) {
      client.sent += static_cast<size_t>(size);
    } else if (must_wait(errno)) {
      return;
    } else if (errno != EINTR) {
      break;  // it has gone
    }
  }
  drop(id);
}

void LineServer::drop(ClientId id) {
  const auto client = clients_.extract(id);
  if (!client.empty() && client.mapped()->state == Client::State::kWaits) handler_.on_gone(id);
}

}  // namespace tricorn
