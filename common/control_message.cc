// Control messages on the wire: a fixed header, then the text; descriptors travel beside it.
#include "common/control_message.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "common/passed_fds.h"
#include "common/syscall.h"

namespace tricorn {
namespace {

// Both ends run on one machine, so the header travels in its own byte order. Raise the last digit
// with any change.
constexpr uint32_t kMagic = 0x54524902;  // "TRI", version 2

struct Header {
  uint32_t magic;
  uint16_t type;
  uint16_t fd_count;
  uint32_t slot;
  uint32_t generation;
  uint32_t board;
  uint32_t flag;
  uint64_t worker;
  int64_t value;
  uint64_t text_size;
};
static_assert(sizeof(Header) == 48, "no padding: every byte sent is initialised");

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

// `text`, or its beginning and end when it is too long, cut between UTF-8 characters.
std::string without_middle(const std::string& text) {
  if (text.size() <= kMaxControlText) return text;
  constexpr size_t kNoteRoom = 64;
  constexpr size_t kHalf = (kMaxControlText - kNoteRoom) / 2;
  size_t head = kHalf;
  while (head > 0 && !starts_character(text[head])) --head;
  size_t tail = text.size() - kHalf;
  while (tail < text.size() && !starts_character(text[tail])) ++tail;
  return fmt::format("{}\n[... {} bytes left out ...]\n{}", std::string_view(text).substr(0, head),
                     tail - head, std::string_view(text).substr(tail));
}

// Says what is wrong with a received datagram.
std::optional<std::string> find_fault(const Header& header, size_t received, size_t fd_count,
                                      int flags) {
  if (flags & MSG_TRUNC) return "it is too long";
  if (flags & MSG_CTRUNC) return "descriptors were lost (too many open files?)";
  if (received < sizeof(Header)) return fmt::format("it has only {} bytes", received);
  if (header.magic != kMagic) return "master and worker differ in version";
  if (header.type < static_cast<uint16_t>(ControlType::kSetup) ||
      header.type > static_cast<uint16_t>(ControlType::kStacks)) {
    return fmt::format("type {} is unknown", header.type);
  }
  if (header.text_size != received - sizeof(Header)) {
    return fmt::format("it announces {} bytes of text and has {}", header.text_size,
                       received - sizeof(Header));
  }
  if (header.fd_count != fd_count) {
    return fmt::format("it announces {} descriptors and has {}", header.fd_count, fd_count);
  }
  return std::nullopt;
}

}  // namespace

Result<std::array<UniqueFd, 2>> make_control_pair() {
  int pair[2];
  auto made = sys("socketpair", "control", [&] {
    return ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
  });
  if (!made) return pass_on(made);
  return std::array<UniqueFd, 2>{UniqueFd(pair[0]), UniqueFd(pair[1])};
}

Result<> send_control(int fd, const ControlMessage& message) {
  if (message.fds.size() > kMaxControlFds) {
    return fail(fmt::format("control message: {} descriptors, at most {} can be sent",
                            message.fds.size(), kMaxControlFds));
  }
  // Settings without their middle would be other settings; everything else is text for people.
  if (message.type == ControlType::kSetup && message.text.size() > kMaxControlText) {
    return fail(fmt::format("the settings take {} bytes, at most {} can be sent to workers",
                            message.text.size(), kMaxControlText));
  }
  std::string text = without_middle(message.text);
  Header header{.magic = kMagic,
                .type = static_cast<uint16_t>(message.type),
                .fd_count = static_cast<uint16_t>(message.fds.size()),
                .slot = message.slot,
                .generation = message.generation,
                .board = message.board,
                .flag = message.flag,
                .worker = message.worker,
                .value = message.value,
                .text_size = text.size()};
  iovec parts[2] = {{&header, sizeof header}, {text.data(), text.size()}};
  msghdr envelope{};
  envelope.msg_iov = parts;
  envelope.msg_iovlen = text.empty() ? 1 : 2;
  PassedFds passed;
  passed.attach(message.fds, envelope);
  auto sent = sys("sendmsg", "control", [&] { return ::sendmsg(fd, &envelope, MSG_NOSIGNAL); });
  if (!sent) return pass_on(sent);
  return {};
}

void send_control_text(int fd, ControlType type, uint32_t flag, std::string_view text) noexcept {
  Header header{};
  header.magic = kMagic;
  header.type = static_cast<uint16_t>(type);
  header.flag = flag;
  header.text_size = std::min(text.size(), kMaxControlText);
  iovec parts[2] = {{&header, sizeof header}, {const_cast<char*>(text.data()), header.text_size}};
  msghdr envelope{};
  envelope.msg_iov = parts;
  envelope.msg_iovlen = header.text_size == 0 ? 1 : 2;
  while (::sendmsg(fd, &envelope, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EINTR) {
  }
}

Result<ReceiveStatus> receive_control(int fd, ControlMessage& out) {
  Header header{};
  std::string text(kMaxControlText, '\0');
  iovec parts[2] = {{&header, sizeof header}, {text.data(), text.size()}};
  PassedFds passed;
  msghdr envelope{};
  envelope.msg_iov = parts;
  envelope.msg_iovlen = 2;
  passed.make_room(envelope);
  auto receive = [&] {
    ssize_t size = ::recvmsg(fd, &envelope, MSG_CMSG_CLOEXEC);
    // A peer that died with messages unread resets the connection, told once and before its own
    // last messages.
    if (size == -1 && errno == ECONNRESET) size = ::recvmsg(fd, &envelope, MSG_CMSG_CLOEXEC);
    return size;
  };
  auto received = sys("recvmsg", "control", receive);
  if (!received) {
    int reason = received.error().sys_errno;
    if (reason == EAGAIN || reason == EWOULDBLOCK) return ReceiveStatus::kWouldBlock;
    return pass_on(received);
  }
  if (*received == 0) return ReceiveStatus::kClosed;
  std::vector<UniqueFd> fds = PassedFds::take(envelope);
  auto size = static_cast<size_t>(*received);
  if (auto fault = find_fault(header, size, fds.size(), envelope.msg_flags)) {
    return fail(fmt::format("malformed control message: {}", *fault));
  }
  text.resize(size - sizeof(Header));
  text.shrink_to_fit();
  out = ControlMessage{.type = static_cast<ControlType>(header.type),
                       .slot = header.slot,
                       .generation = header.generation,
                       .board = header.board,
                       .worker = header.worker,
                       .value = header.value,
                       .flag = header.flag,
                       .text = std::move(text),
                       .fds = std::move(fds)};
  return ReceiveStatus::kMessage;
}

}  // namespace tricorn
