// StreamTransport: an accepted TCP or unix stream socket, by recv, sendmsg and sendfile under a
// uv_poll_t.
//
// Why not uv_tcp_t: measured equal per request (one recv, one send each), but a uv stream is deaf
// to resets while it is not reading, and its uv_write pins memory that the OutputQueue must stay
// free to move.
#pragma once

#include <span>

#include "common/unique_fd.h"
#include "worker/transport/transport.h"
#include "worker/uv/handle.h"

namespace tricorn {

class StreamTransport final : public Transport {
 public:
  // `socket` is connected and non-blocking. `events` and `read_buffer` outlive the transport; the
  // buffer is shared by all transports of the loop.
  StreamTransport(UniqueFd socket, TransportEvents& events, std::span<char> read_buffer);
  ~StreamTransport() override { close(); }

  // To be called once, before anything else. A negative errno if the loop cannot watch the socket,
  // else 0.
  int open(uv_loop_t* loop);

  void start_reading() override;
  void stop_reading() override;
  void read_now() override;
  std::expected<size_t, int> flush(OutputQueue& queue) override;
  void shutdown_write() override;
  void close() override;
  void reset() override;
  int fd() const override { return socket_.get(); }

 private:
  static void on_poll(uv_poll_t* handle, int status, int events) noexcept;
  void on_ready(int status, int events);
  void on_quiet_event(int events);
  void update_interest();
  void await_writable();
  void read_until_error();
  bool read_once();  // false if there is nothing more to read
  void lose(int error);

  TransportEvents& events_;
  std::span<char> read_buffer_;
  UniqueFd socket_;
  UvHandle<uv_poll_t> poll_;
  int interest_ = 0;  // what poll_ watches: uv_poll_event bits
  bool reading_ = false;
  bool read_ended_ = false;        // recv returned 0
  bool peer_half_closed_ = false;  // seen while not reading; bytes may be unread before it
  bool deaf_ =
      false;  // an event that we cannot act on would fire for ever; wait for reading or writing
  bool awaiting_writable_ = false;
};

}  // namespace tricorn
