// Transport: one byte stream to a client: TCP or unix socket now, TLS and an in-memory one for
// tests behind it.
//
// Knows sockets and libuv, but neither protocols nor Python: it never touches an OutputQueue on its
// own, because letting go of a chunk may need an interpreter lock that only its owner can take.
#pragma once

#include <cerrno>
#include <cstddef>
#include <expected>
#include <string_view>

#include "common/output_queue.h"

namespace tricorn {

// Called from the loop only, never from inside a call on the transport (read_now excepted). The
// callee may close the transport, but must not destroy it, inside a callback.
class TransportEvents {
 public:
  virtual void on_read(std::string_view bytes) = 0;  // `bytes` live for the call
  virtual void on_read_end() = 0;                    // the peer half-closed; it may still read
  virtual void on_writable() = 0;                    // the rest of an unfinished flush can go on
  virtual void on_lost(int error) = 0;               // reset or gone: negative errno. The last call

 protected:
  ~TransportEvents() = default;
};

// May be destroyed at any time outside of its callbacks.
class Transport {
 public:
  // A file in the queue ended before its announced length: it was made shorter meanwhile.
  static constexpr int kFileTooShort = -ENODATA;
  // Of files, one flush takes this much at most and goes on in a later turn, so that one download
  // does not keep the loop from the others.
  static constexpr size_t kFileBytesPerFlush = 1024 * 1024;

  virtual ~Transport() = default;
  virtual void start_reading() = 0;  // idempotent, as is stop_reading; a transport begins stopped
  // A reset is noticed all the same (on_lost); a half-close only after start_reading.
  virtual void stop_reading() = 0;
  // Reads what has come by now, once, if reading is started: calls on_read and the like from inside
  // this call.
  virtual void read_now() = 0;
  // Writes as much of `queue` as the kernel takes now and consumes it; on_writable follows if some
  // is left. Returns the bytes taken, or a negative errno: the stream is broken (no on_lost then),
  // or kFileTooShort. Takes 0 bytes while waiting for on_writable. What is in a file and not in the
  // page cache is waited for: the loop stands still meanwhile.
  virtual std::expected<size_t, int> flush(OutputQueue& queue) = 0;
  virtual void shutdown_write() = 0;  // FIN after what flush has taken
  virtual void
  close() = 0;  // idempotent, at once; what flush did not take is lost; no callback follows
  // As close, but the peer is told of an error: for a stream that must not look complete. Bytes
  // that flush took may be lost, too. A unix socket has no such thing and just closes.
  virtual void reset() = 0;
  virtual int fd() const = 0;  // -1 once closed, or if there is none
};

}  // namespace tricorn
