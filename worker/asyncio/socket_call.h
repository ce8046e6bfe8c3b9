// SocketCall: the system call behind an operation of sock_*, and what came of it. An Attempt makes
// it without blocking; when there is nothing yet, it is made again once the socket is ready.
//
// What the native code does not know for certain (families of addresses, arguments of unusual
// types) the socket's own method does, so that results and errors are the same.
#pragma once

#include <cstdint>

#include "worker/loop/fd_watcher.h"
#include "worker/python/py_ref.h"

namespace tricorn {

enum class Progress : uint8_t { kDone, kMustWait, kError };  // kError: with an error set

struct SocketCall {
  PyRef socket;              // exactly a socket.socket
  PyRef data;                // what is sent, or the buffer to fill
  PyRef address;             // where to
  size_t size = 0;           // how much is received at most
  size_t sent = 0;           // how much of `data`, so far
  bool begun = false;        // connect() was called
  Py_buffer view{};          // of `data`, while it is sent piece by piece
  int fd = -1;               // the socket's
  FdWatcher::Habits habits;  // the socket's, to read and to write
  PyRef result;              // when done

  SocketCall() = default;
  ~SocketCall() { release_view(); }
  SocketCall(const SocketCall&) = delete;
  SocketCall& operator=(const SocketCall&) = delete;

  void release_view() {
    if (view.obj != nullptr) PyBuffer_Release(&view);
  }
  // Lets go of everything.
  void clear();
  int traverse(visitproc visit, void* arg) const;
};

using Attempt = Progress (*)(SocketCall& call);

Progress attempt_recv(SocketCall& call);           // socket, size
Progress attempt_recv_into(SocketCall& call);      // socket, data
Progress attempt_recvfrom(SocketCall& call);       // socket, size
Progress attempt_recvfrom_into(SocketCall& call);  // socket, data, size
Progress attempt_sendall(SocketCall& call);        // socket, data
Progress attempt_sendto(SocketCall& call);         // socket, data, address
Progress attempt_connect(SocketCall& call);        // socket, address
Progress attempt_accept(SocketCall& call);         // socket

// --- For the attempts.

// What a system call has failed with: nothing yet, or an OSError.
Progress failed_with(int error);
// The end with a result; with null, an error is set.
Progress done_with(SocketCall& call, PyRef result);
// Has the socket's own method make the call: BlockingIOError and InterruptedError mean nothing yet.
Progress call_method(SocketCall& call, const char* name,
                     std::initializer_list<PyObject*> arguments);

}  // namespace tricorn
