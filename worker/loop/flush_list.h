// FlushList: the transports that were written to in the callback that runs now.
//
// A server that writes head and body apart should send one packet, a program that writes once
// should not wait: so what is written is held back until the callback returns, and no longer.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace tricorn {

class Flushable {
 public:
  virtual void flush_writes() noexcept = 0;  // with the GIL; may run Python code

 protected:
  ~Flushable() = default;
};

class FlushList {
 public:
  // `transport` must take itself off again before it goes. At most once until it is flushed.
  void add(Flushable& transport) { pending_.push_back(&transport); }
  void remove(Flushable& transport) {
    for (Flushable*& pending : pending_) {
      if (pending == &transport) pending = nullptr;
    }
  }

  // A callback has returned. Native I/O callbacks say so themselves, the loop after each handle.
  void run() {
    ++callback_number_;
    if (!pending_.empty()) run_pending();
  }
  // Tells two callbacks apart.
  uint64_t callback_number() const { return callback_number_; }

 private:
  void run_pending() {  // a flush may lead to more writes: they go in this run, too
    for (size_t i = 0; i < pending_.size(); ++i) {
      if (Flushable* transport = std::exchange(pending_[i], nullptr)) transport->flush_writes();
    }
    pending_.clear();
  }

  std::vector<Flushable*> pending_;
  uint64_t callback_number_ = 0;
};

}  // namespace tricorn
