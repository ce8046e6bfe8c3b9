// Resolver: the questions of one loop to the LookupPool, and the Futures that wait for answers.
//
// It lives from the loop's first question until the loop is closed. Loop's thread, GIL held.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "worker/asyncio/lookup_pool.h"
#include "worker/loop/epoll_set.h"
#include "worker/loop/event_loop.h"

namespace tricorn {

class Resolver final : public IoListener {
 public:
  // The loop's, made when it is first asked for. Null with an error set.
  static Resolver* of(EventLoop& loop);

  // A Future of what socket.getaddrinfo() returns or raises. Null without an error set if no thread
  // can be had, else with one.
  PyRef ask(LookupPtr question);

  void on_io(int fd, uint32_t events) noexcept override;
  int visit_kept(visitproc visit, void* arg) const override;
  void on_set_closed() noexcept override;

 private:
  explicit Resolver(EventLoop& loop) : loop_(loop) {}
  // In place of the parent's, in a forked child: its answers would wake the parent. False with an
  // error set.
  bool open_mailbox();
  void settle(const AddressLookup& answer);

  EventLoop& loop_;
  std::shared_ptr<LookupMailbox> mailbox_;
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, PyRef> waiting_;  // Futures, by the id of the question
};

}  // namespace tricorn
