// receive_bytes: see the header.
#include "worker/asyncio/received_bytes.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace tricorn {
namespace {

char buffer[kMostAtOnce];

// An object to read into; what did not need it leaves it for the next. Null with an error set.
PyRef& spare() {
  static PyRef& kept = *new PyRef;
  if (!kept) {
    // Freeing one large block has glibc raise the size from which it maps, for good.
    static const bool raised = [] {
      std::free(std::malloc(1024 * 1024));
      return true;
    }();
    static_cast<void>(raised);
    kept = PyRef::steal(PyBytes_FromStringAndSize(nullptr, Py_ssize_t{kMuchAtOnce}));
  }
  return kept;
}

Received receive_much(int fd, size_t most) {
  PyRef& target = spare();
  if (!target) {
    PyErr_Clear();
    return {-ENOMEM, {}};
  }
  const ssize_t count = receive(fd, PyBytes_AS_STRING(target.get()), std::min(most, kMuchAtOnce));
  if (count <= 0) return {count, {}};
  if (static_cast<size_t>(count) < kMuch) {
    return {count, PyRef::steal(PyBytes_FromStringAndSize(PyBytes_AS_STRING(target.get()), count))};
  }
  PyObject* taken = target.release();
  _PyBytes_Resize(&taken, count);
  return {count, PyRef::steal(taken)};
}

}  // namespace

ssize_t receive(int fd, void* data, size_t size) {
  ssize_t count;
  do {
    count = ::recv(fd, data, size, MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

Received receive_bytes(int fd, bool expects_much, size_t most) {
  if (expects_much && most >= kMuch) return receive_much(fd, most);
  const ssize_t count = receive(fd, buffer, std::min(most, sizeof buffer));
  if (count <= 0) return {count, {}};
  return {count, PyRef::steal(PyBytes_FromStringAndSize(buffer, count))};
}

std::span<char> shared_read_buffer() { return buffer; }

}  // namespace tricorn
