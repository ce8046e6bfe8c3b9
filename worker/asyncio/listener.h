// Listener: accepts the connections of one listening socket for an asyncio Server.
//
// Belongs to the loop's EpollSet from start_serving to stop_serving, to the loop's end, or until
// the descriptor is watched for something else (add_reader).
#pragma once

#include <memory>

#include "worker/asyncio/stream_sink.h"
#include "worker/asyncio/write_limits.h"
#include "worker/loop/event_loop.h"

namespace tricorn {

// What loop._start_serving is told.
struct ListenerParts {
  PyRef protocol_factory;
  PyRef socket;       // socket.socket, listening and non-blocking
  PyRef ssl_context;  // null: plain
  PyRef server;       // null: none
  PyRef handshake_timeout;
  PyRef shutdown_timeout;
  PyRef context;      // each connection lives in a copy of it; null: of the caller's
  int backlog = 100;  // accepts per readiness, at most
};

class Listener final : public IoListener {
 public:
  // Begins to accept on `fd`, the socket's. False with an error set.
  static bool start(EventLoop& loop, int fd, ListenerParts parts);
  // Ends it; nothing happens if nobody listens there.
  static void stop(EventLoop& loop, int fd);

  bool calls_back() const override { return true; }
  void on_io(int fd, uint32_t events) noexcept override;
  bool is_transport() const override { return false; }
  int visit_kept(visitproc visit, void* arg) const override;
  void on_replaced() noexcept override { delete this; }
  void on_set_closed() noexcept override { delete this; }

 private:
  Listener(EventLoop& loop, int fd, ListenerParts parts);

  bool accept_one();  // false: enough for now
  void refuse(int error);
  void rest();
  void welcome(int fd, std::unique_ptr<struct SockAddr> peer);
  bool connect(int fd, std::unique_ptr<struct SockAddr> peer, const PyRef& context);
  std::shared_ptr<StreamSink> make_sink(PyObject* protocol, PyRef& tls);

  EventLoop& loop_;
  const int fd_;
  ListenerParts parts_;
  std::shared_ptr<WriteHabit> habit_ = std::make_shared<WriteHabit>();
};

}  // namespace tricorn
