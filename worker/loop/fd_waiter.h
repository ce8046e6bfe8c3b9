// FdWaiter: native code that waits for a descriptor to get ready, once: an operation of sock_*.
// FdWaiterQueue: those that wait for the same, in the order in which they came.
#pragma once

#include <utility>

#include "worker/python/py_ref.h"

namespace tricorn {

class FdWaiter {
 public:
  // The descriptor may be ready. True: the waiter has what it wanted and is in no queue any more.
  virtual bool on_ready() noexcept = 0;
  // Whether its file was closed: its number may mean another one by now.
  virtual bool lost_file() const noexcept = 0;
  // It was taken off the queue, for good.
  virtual void on_loop_closed() noexcept = 0;
  // The references that the loop holds through this waiter, for the cycle collector.
  virtual int visit_kept(visitproc visit, void* arg) const = 0;

 protected:
  ~FdWaiter() = default;

 private:
  friend class FdWaiterQueue;
  FdWaiter* previous_ = nullptr;
  FdWaiter* next_ = nullptr;
};

// Owns nobody: a waiter leaves before it goes.
class FdWaiterQueue {
 public:
  bool empty() const { return first_ == nullptr; }
  FdWaiter* first() const { return first_; }
  static FdWaiter* after(const FdWaiter& waiter) { return waiter.next_; }

  void push_back(FdWaiter& waiter) {
    waiter.previous_ = last_;
    waiter.next_ = nullptr;
    (last_ == nullptr ? first_ : last_->next_) = &waiter;
    last_ = &waiter;
  }

  // `waiter` must be in this queue.
  void remove(FdWaiter& waiter) {
    (waiter.previous_ == nullptr ? first_ : waiter.previous_->next_) = waiter.next_;
    (waiter.next_ == nullptr ? last_ : waiter.next_->previous_) = waiter.previous_;
    waiter.previous_ = waiter.next_ = nullptr;
  }

 private:
  FdWaiter* first_ = nullptr;
  FdWaiter* last_ = nullptr;
};

}  // namespace tricorn
