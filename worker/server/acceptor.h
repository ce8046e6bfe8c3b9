// Acceptor: takes connections from the listeners that all workers share. It is where the loop
// sleeps: its epoll set holds the listeners (EPOLLEXCLUSIVE) and libuv's backend fd, so that the
// kernel wakes one sleeping worker per connection. A listener inside libuv's own set would wake
// them all.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/result.h"
#include "common/scoreboard.h"
#include "common/unique_fd.h"
#include "common/worker_settings.h"
#include "worker/loop/loop_api.h"
#include "worker/server/accept_balance.h"
#include "worker/uv/handle.h"

namespace tricorn {

class AcceptSink {
 public:
  // Non-blocking and close-on-exec. `listener`: index of the listener it came from.
  virtual void on_accepted(UniqueFd socket, const sockaddr* peer, socklen_t peer_length,
                           size_t listener) = 0;

 protected:
  ~AcceptSink() = default;
};

class Acceptor final : public OuterPoll {
 public:
  // References outlive the acceptor. `board` is this worker's block.
  Acceptor(uv_loop_t* loop, AcceptSink& sink, const Scoreboard& scoreboard, size_t board);

  // `settings` are the listeners', in their order; where they are missing, no address is shared.
  Result<> start(std::vector<UniqueFd> listeners, std::span<const ListenerSettings> settings);
  // Takes what still waits in the accept queues, then closes our descriptors of the listeners.
  // Idempotent.
  void sweep_and_stop();

  void wait(int timeout_ms) noexcept override;
  void dispatch() noexcept override;

 private:
  struct Listener {
    UniqueFd fd;
    uint32_t part = 0;
    uint32_t parts = 1;
    bool ours = true;    // false: one of a shared address's queues that siblings serve
    bool ready = false;  // noted by wait for dispatch
  };
  enum class Accepted { kOne, kNothing, kExhausted };

  Accepted accept_one(size_t listener);
  void accept_from(size_t listener, uint32_t budget);
  std::span<const WorkerBlock> blocks() const;
  std::optional<uint32_t> least_sibling() const;
  uint32_t own_connections() const;
  uint32_t budget() const;
  void choose_place();
  void choose_queues();
  void look_again();
  void join_line();  // idempotent, as leave_line
  void leave_line();
  void move_to_back();
  void pause_for(Duration pause);
  void on_pause_over();

  uv_loop_t* loop_;
  AcceptSink& sink_;
  const Scoreboard& scoreboard_;
  size_t board_;
  UniqueFd epoll_;
  std::vector<Listener> listeners_;
  UvHandle<uv_timer_t> pause_timer_;
  UvHandle<uv_timer_t> look_again_timer_;
  bool in_line_ = false;
  bool catching_up_ = false;  // back from a pause: what waits now, the siblings did not take
  bool alone_ = true;         // no sibling was ready when last asked
  bool has_queues_ = false;   // some address has several sockets
  bool exhausted_ = false;    // out of descriptors; said so once
  uint32_t accepts_since_rotation_ = 0;
};

}  // namespace tricorn
