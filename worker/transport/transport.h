// Transport: one byte stream to a client: TCP or unix socket now, TLS and an in-memory one for tests behind it.
#pragma once

#include <cstddef>
#include <string_view>

#include "common/output_queue.h"
#include "common/socket_address.h"

namespace tricorn {

class TransportEvents {
 public:
  // `bytes` live for the call. The callee may close the transport, but must not destroy it, inside a callback.
  virtual void on_read(std::string_view bytes) = 0;
  virtual void on_read_end() = 0;               // the peer half-closed
  virtual void on_written() = 0;                // a pending write has finished: the queue shrank or is empty
  virtual void on_lost(int error) = 0;          // reset, write error; negative errno. Nothing follows but on_closed
  virtual void on_closed() = 0;                 // last call: the transport may be destroyed

 protected:
  ~TransportEvents() = default;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual void start_reading() = 0;   // idempotent, as is stop_reading
  virtual void stop_reading() = 0;
  // Writes as much of `queue` as the kernel takes now; waits for writability and goes on by itself if some is left
  // (then on_written follows). `queue` must outlive the transport. Does nothing while such a wait is on.
  virtual void flush(OutputQueue& queue) = 0;
  virtual void shutdown_write() = 0;  // FIN after what flush has taken
  virtual void close() = 0;           // idempotent; unsent bytes are dropped; on_closed follows, never inside this call
  virtual int fd() const = 0;
  virtual SocketAddress peer() const = 0;
  virtual SocketAddress local() const = 0;
};

}  // namespace tricorn
