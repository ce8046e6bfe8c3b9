// One datagram a message: the word, then name and value of each field, each ended by NUL.
#include "supervisor/os/handover_link.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <charconv>

#include "common/logging.h"
#include "common/passed_fds.h"
#include "common/syscall.h"

namespace tricorn {
namespace {

constexpr size_t kMaxMessage = 64 * 1024;

std::string encode(const HandoverMessage& message) {
  std::string text = message.word + '\0';
  for (const auto& [name, value] : message.fields) ((text += name) += '\0') += value + '\0';
  return text;
}

HandoverMessage decode(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t end; (end = text.find('\0')) != text.npos; text.remove_prefix(end + 1)) {
    parts.emplace_back(text.substr(0, end));
  }
  HandoverMessage message;
  if (!parts.empty()) message.word = parts[0];
  for (size_t i = 1; i + 1 < parts.size(); i += 2) {
    message.fields.emplace_back(parts[i], parts[i + 1]);
  }
  return message;
}

}  // namespace

std::vector<std::string> HandoverMessage::values_of(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::optional<int64_t> HandoverMessage::number_of(std::string_view name) const {
  const auto values = values_of(name);
  if (values.empty()) return std::nullopt;
  const std::string& text = values.front();
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<> HandoverLink::send(const HandoverMessage& message) {
  std::string text = encode(message);
  if (text.size() > kMaxMessage || message.fds.size() > kMaxPassedFds) {
    return fail("hand-over: too much to be told");
  }
  iovec part{text.data(), text.size()};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  PassedFds passed;
  passed.attach(message.fds, envelope);
  auto sent =
      sys("sendmsg", "hand-over", [&] { return ::sendmsg(fd_.get(), &envelope, MSG_NOSIGNAL); });
  if (!sent) return pass_on(sent);
  return {};
}

Result<std::optional<HandoverMessage>> HandoverLink::receive() {
  std::string text(kMaxMessage, '\0');
  iovec part{text.data(), text.size()};
  msghdr envelope{};
  envelope.msg_iov = &part;
  envelope.msg_iovlen = 1;
  PassedFds passed;
  passed.make_room(envelope);
  auto size = sys("recvmsg", "hand-over",
                  [&] { return ::recvmsg(fd_.get(), &envelope, MSG_CMSG_CLOEXEC); });
  if (!size) {
    int reason = size.error().sys_errno;
    if (reason == EAGAIN || reason == EWOULDBLOCK) return std::nullopt;
    if (reason == ECONNRESET) return receive();  // the peer died with messages unread; told once
    return pass_on(size);
  }
  ended_ = *size == 0;
  if (ended_) return std::nullopt;
  auto fds = PassedFds::take(envelope);
  if (envelope.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) return fail("hand-over: a message was cut");
  auto message = decode(std::string_view(text).substr(0, static_cast<size_t>(*size)));
  message.fds = std::move(fds);
  return message;
}

void HandoverLink::start(EventLoop& loop, Handler handler) {
  handler_ = std::move(handler);
  watcher_.emplace(loop, fd_.get(), [this] { deliver_arrived(); });
}

void HandoverLink::deliver_arrived() {
  while (watcher_) {
    auto message = receive();
    if (message && *message) {
      handler_.on_message(**message);
      continue;
    }
    if (message && !ended_) return;
    if (!message) log_error("{}", message.error().message);
    watcher_.reset();
    handler_.on_closed();
  }
}

}  // namespace tricorn
