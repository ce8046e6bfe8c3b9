// Requests and answers on many connections at once, one at a time on each: an echo, or GETs of
// HTTP.
//
// Single thread; it never sleeps while it measures: to wake it would be the server's work, the more
// so the slower the server is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "channel.h"

struct Counted {
  uint64_t operations = 0;
  double seconds = 0;
  uint64_t segments = 0;  // that came with data, where that is known
};

class Exchange {
 public:
  enum class Answer { kSameBytes, kHttp200 };

  // Opens the connections and has each answer some requests, every byte of which is checked. An
  // answer of HTTP must have a content-length, and the next ones must be of the same size.
  Exchange(const Address& address, int connections, std::string request, Answer answer);

  // As fast as the other side answers, for so long; what is under way then is waited for, so that
  // each operation counted is a whole one.
  Counted run(double seconds);
  std::string description() const { return connections_.front().channel->description(); }

 private:
  struct Connection {
    std::unique_ptr<Channel> channel;
    size_t to_send = 0;
    size_t to_receive = 0;
  };

  std::string checked_answer(Channel& channel, Answer answer);
  void start(Connection& connection);
  void send_rest(Connection& connection);
  void on_readable(Connection& connection);
  uint64_t segments() const;

  const std::string request_;
  size_t answer_size_ = 0;
  const int epoll_fd_;
  std::vector<Connection> connections_;
  std::vector<Connection*> blocked_;  // those that could not send all
  bool running_ = false;
  size_t under_way_ = 0;
  uint64_t operations_ = 0;
};

// No two parts of it are the same: what comes twice, or late, is noticed.
std::string noise(size_t size);
