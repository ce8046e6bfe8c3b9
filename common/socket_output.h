// send_front: one system call's worth of an OutputQueue's front to a stream socket.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "common/output_queue.h"

namespace tricorn {

struct SendResult {
  size_t sent = 0;           // bytes that the kernel took; the caller consumes them
  bool full = false;         // it did not take all that was offered: the socket's buffer is full
  bool interrupted = false;  // by a signal, before anything was sent
  int error = 0;             // positive errno, but for these two
};

// What a call that offered `offered` bytes and returned `sent` means; errno is its own.
SendResult send_result(size_t offered, ssize_t sent);

// Sends memory up to the first file; `queue` must not begin with one. What precedes a file waits
// for its first bytes (MSG_MORE). send(2), MSG_NOSIGNAL.
SendResult send_front(int fd, const OutputQueue& queue);

}  // namespace tricorn
