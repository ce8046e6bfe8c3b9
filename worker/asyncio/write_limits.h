// WriteLimits: when a protocol is told to pause and to resume writing (asyncio's flow control).
// Pure.
#pragma once

#include <cstddef>

namespace tricorn {

class WriteLimits {
 public:
  static constexpr size_t kDefaultHigh = 64 * 1024;

  size_t high() const { return high_; }
  size_t low() const { return low_; }
  bool paused() const { return paused_; }

  // Bytes; low <= high.
  void set(size_t high, size_t low) {
    high_ = high;
    low_ = low;
  }
  // The buffer has grown to `size`: true when the protocol is to be paused now.
  bool grown_to(size_t size) {
    if (paused_ || size <= high_) return false;
    paused_ = true;
    return true;
  }
  // The buffer has shrunk to `size`: true when the protocol is to be resumed now.
  bool shrunk_to(size_t size) {
    if (!paused_ || size > low_) return false;
    paused_ = false;
    return true;
  }

 private:
  size_t high_ = kDefaultHigh;
  size_t low_ = kDefaultHigh / 4;
  bool paused_ = false;
};

// Whether writers of one kind write several times in a callback, so that joining pays: what the
// last few callbacks did decides about the next. Pure.
class WriteHabit {
 public:
  // The first write of a callback had company, or had none.
  void note(bool joined) { expected_ = joined ? kMemory : expected_ - (expected_ > 0 ? 1 : 0); }
  bool joins() const { return expected_ > 0; }

 private:
  static constexpr int kMemory = 16;
  int expected_ = 0;
};

}  // namespace tricorn
