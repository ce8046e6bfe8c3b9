// The rounds of requests and answers, over epoll without sleeping.
#include "exchange.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kCheckedRounds = 20;
constexpr double kAnswerSeconds = 10;

std::array<char, 256 * 1024> input;  // one thread, and looked at only while answers are checked

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

bool is_whole_http(std::string_view bytes) {
  const size_t head = bytes.find("\r\n\r\n");
  if (head == bytes.npos) return false;
  if (!bytes.starts_with("HTTP/1.1 200 ")) fail("the answer is not HTTP/1.1 200");
  std::string lower(bytes.substr(0, head));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char letter) { return std::tolower(letter); });
  constexpr std::string_view kLength = "content-length:";
  const size_t at = lower.find(kLength);
  if (at == lower.npos) fail("the answer has no content-length");
  return bytes.size() >= head + 4 + strtoull(lower.c_str() + at + kLength.size(), nullptr, 10);
}

}  // namespace

std::string noise(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 2463534242;  // xorshift
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    byte = static_cast<char>(state);
  }
  return bytes;
}

Exchange::Exchange(const Address& address, int connections, std::string request, Answer answer)
    : request_(std::move(request)),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(static_cast<size_t>(connections)) {
  for (Connection& connection : connections_) {
    connection.channel = Channel::open(address);
    for (int i = 0; i < kCheckedRounds; ++i) {
      const size_t size = checked_answer(*connection.channel, answer).size();
      if (answer_size_ != 0 && size != answer_size_) fail("answers of different sizes");
      answer_size_ = size;
    }
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
    epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, connection.channel->fd(), &event);
  }
}

std::string Exchange::checked_answer(Channel& channel, Answer kind) {
  const Clock::time_point begin = Clock::now();
  std::string answer;
  size_t sent = 0;
  for (;;) {
    const std::string_view rest = std::string_view(request_).substr(sent);
    if (!rest.empty()) sent += channel.send(rest);
    answer.append(input.data(), channel.receive(input.data(), input.size()));
    if (kind == Answer::kHttp200) {
      if (is_whole_http(answer)) return answer;
    } else {
      if (!request_.starts_with(answer)) fail("other bytes came back than were sent");
      if (answer.size() == request_.size()) return answer;
    }
    if (seconds_since(begin) > kAnswerSeconds) fail("no whole answer came");
  }
}

void Exchange::start(Connection& connection) {
  connection.to_send = request_.size();
  connection.to_receive = answer_size_;
  ++under_way_;
  send_rest(connection);
}

void Exchange::send_rest(Connection& connection) {
  const auto rest = std::string_view(request_).substr(request_.size() - connection.to_send);
  connection.to_send -= connection.channel->send(rest);
  if (connection.to_send != 0) blocked_.push_back(&connection);
}

// Reads until nothing is left: TLS may hold what epoll does not know of.
void Exchange::on_readable(Connection& connection) {
  if (connection.to_receive == 0) {
    if (connection.channel->receive(input.data(), input.size()) != 0) fail("unasked for bytes");
    return;  // of TLS itself
  }
  while (connection.to_receive != 0) {
    const size_t got = connection.channel->receive(input.data(), input.size());
    if (got == 0) return;
    if (got > connection.to_receive) fail("more came back than was asked for");
    connection.to_receive -= got;
  }
  ++operations_;
  --under_way_;
  if (running_) start(connection);
}

Counted Exchange::run(double seconds) {
  const uint64_t segments_before = segments();
  std::array<epoll_event, 64> events;
  std::vector<Connection*> blocked;
  operations_ = 0;
  running_ = true;
  const Clock::time_point begin = Clock::now();
  for (Connection& connection : connections_) start(connection);
  while (under_way_ != 0) {
    const int count = epoll_wait(epoll_fd_, events.data(), events.size(), 0);
    for (int i = 0; i < count; ++i) {
      on_readable(*static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr));
    }
    blocked.swap(blocked_);
    for (Connection* connection : blocked) send_rest(*connection);
    blocked.clear();
    const double elapsed = seconds_since(begin);
    if (elapsed > seconds) running_ = false;
    if (elapsed > seconds + kAnswerSeconds) fail("answers are missing");
  }
  const double elapsed = seconds_since(begin);
  return {.operations = operations_, .seconds = elapsed, .segments = segments() - segments_before};
}

uint64_t Exchange::segments() const {
  uint64_t sum = 0;
  for (const Connection& connection : connections_) sum += connection.channel->segments();
  return sum;
}
