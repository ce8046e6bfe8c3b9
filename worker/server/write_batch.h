// WriteBatch: whether a response may wait for those of the other connections that are read in the
// same turn.
//
// Small responses that are sent one right after the other cost 5 % less CPU time: the kernel's code
// and the app's do not drive each other out of the processor's caches. The price is that a few
// finished responses wait for the app's next ones. So they are few, they wait only while the app
// answered a long row of requests at once, and what waits is sent as soon as that took `kLongest`:
// an app that blocks for once holds up kMostWaiting - 1 others, and takes them with it if it dies.
// Pure: times are arguments.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/clock.h"

namespace tricorn {

class WriteBatch {
 public:
  static constexpr Duration kFast = std::chrono::microseconds(100);  // for one read's requests
  static constexpr uint32_t kRow = 256;                              // of fast ones
  static constexpr Duration kLongest = std::chrono::microseconds(200);
  static constexpr uint32_t kMostWaiting = 16;
  static constexpr size_t kMostBytes = size_t{16} * 1024;  // more is copied through the caches

  bool open() const { return open_; }
  // Something is about to be dealt with, for the first time since close().
  void open(TimePoint now) {
    open_ = true;
    waiting_ = 0;
    begun_ = last_ = now;
  }
  // What was read has been dealt with, and there are `bytes` to send.
  bool may_wait(TimePoint now, size_t bytes) {
    const bool fast = now - last_ <= kFast;
    last_ = now;
    row_ = !fast ? 0 : row_ < kRow ? row_ + 1 : kRow;
    const bool may = row_ == kRow && bytes > 0 && bytes <= kMostBytes;
    if (may) ++waiting_;
    return may;
  }
  // Time to send what waits.
  bool is_due() const { return waiting_ == kMostWaiting || last_ - begun_ >= kLongest; }
  void close() { open_ = false; }

 private:
  bool open_ = false;
  TimePoint begun_;
  TimePoint last_;  // when the last read had been dealt with
  uint32_t row_ = 0;
  uint32_t waiting_ = 0;
};

}  // namespace tricorn
