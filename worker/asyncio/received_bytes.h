// receive_bytes: one recv(2) whose bytes become a Python bytes object, with as little copying and
// as few mappings as can be.
//
// Small reads are copied out of one buffer. A stream that brings much is read straight into an
// object kept below malloc's mmap threshold: 256 KiB ones would cost an mmap, an mremap and a
// munmap each. GIL held; the buffers are the process's.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

#include "worker/python/py_ref.h"

namespace tricorn {

// From here on a read counts as much.
inline constexpr size_t kMuch = 32 * 1024;
inline constexpr size_t kMostAtOnce = 256 * 1024;
// When much is expected: with the object's head just below 128 KiB, which malloc would map.
inline constexpr size_t kMuchAtOnce = 128 * 1024 - 64;

struct Received {
  ssize_t count;  // 0: the end; below: a negative errno
  PyRef bytes;    // null if there are none; or with an error set
};

// Never blocks. `expects_much`: the last read of this descriptor brought at least kMuch. `most`:
// how much is wanted; more than kMostAtOnce does not come.
Received receive_bytes(int fd, bool expects_much, size_t most = kMostAtOnce);

// recv(2), again when a signal interrupts it: the bytes, 0 at the end, or a negative errno.
ssize_t receive(int fd, void* data, size_t size);

// The buffer that small reads use: 256 KiB, valid until Python code runs.
std::span<char> shared_read_buffer();

}  // namespace tricorn
