// Connections that are made only to be closed again, over epoll without sleeping.
#include "churn.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kAnswerSeconds = 10;
constexpr int kBacklog = 1024;
constexpr double kAwakeSeconds = 0.05;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

void watch(int epoll_fd, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

// Whether the other side has closed; what it sends before is dropped.
bool has_ended(int fd) {
  std::array<char, 4096> bytes;
  const ssize_t got = recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN);
}

int listen_on_loopback() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, kBacklog) != 0) {
    fail("cannot listen");
  }
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  printf("open %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

}  // namespace

Counted connect_and_close(const Address& address, int connections, double seconds) {
  static unsigned client = 0;
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  const auto begin_one = [&] {
    const int fd = connect_to(address, client++);
    shutdown(fd, SHUT_WR);
    watch(epoll_fd, fd);
  };
  Counted counted;
  const Clock::time_point begin = Clock::now();
  for (int i = 0; i < connections; ++i) begin_one();
  for (int under_way = connections; under_way != 0;) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_fd, events.data(), events.size(), 0);
    counted.seconds = seconds_since(begin);
    if (counted.seconds > seconds + kAnswerSeconds) fail("connections are not closed");
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (!has_ended(fd)) continue;
      close(fd);
      ++counted.operations;
      --under_way;
      if (counted.seconds > seconds) continue;
      begin_one();
      ++under_way;
    }
  }
  close(epoll_fd);
  return counted;
}

void accept_and_close() {
  const int listener = listen_on_loopback();
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll_fd, listener);
  Clock::time_point last = Clock::now();
  for (;;) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_fd, events.data(), events.size(), 0);
    if (count > 0) last = Clock::now();
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd != listener) {
        if (has_ended(fd)) close(fd);
        continue;
      }
      int accepted;
      while ((accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        watch(epoll_fd, accepted);
      }
    }
    if (seconds_since(last) < kAwakeSeconds) continue;
    std::array<pollfd, 2> either = {{{STDIN_FILENO, POLLIN, 0}, {epoll_fd, POLLIN, 0}}};
    poll(either.data(), either.size(), -1);
    if (either[0].revents != 0) return;
  }
}
