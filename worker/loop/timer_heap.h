// TimerHeap: a 4-ary heap of items by due time, first in first out among equals. Pure: time is an
// argument.
//
// Items are cancelled lazily: the owner marks them and counts with note_cancelled();
// drop_cancelled() sweeps when it pays, by asyncio's rule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tricorn {

template <class T>
class TimerHeap {
 public:
  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }

  // `when`: seconds on the loop's clock; not NaN.
  void push(double when, T item) {
    entries_.push_back(Entry{when, next_order_++, std::move(item)});
    sift_up(entries_.size() - 1);
  }

  // The earliest entry. Must not be empty.
  double top_when() const { return entries_.front().when; }
  const T& top() const { return entries_.front().item; }

  T pop() {
    T item = std::move(entries_.front().item);
    Entry last = std::move(entries_.back());
    entries_.pop_back();
    if (!entries_.empty()) {
      entries_.front() = std::move(last);
      sift_down(0);
    }
    return item;
  }

  void note_cancelled() { ++cancelled_; }
  // For a cancelled item that was popped.
  void forget_cancelled() { --cancelled_; }

  // Moves every item for which `is_cancelled` holds out of the heap, if there are enough of them.
  template <class IsCancelled>
  std::vector<T> drop_cancelled(IsCancelled&& is_cancelled) {
    std::vector<T> dropped;
    if (entries_.size() <= kSweepAbove || cancelled_ * 2 <= entries_.size()) return dropped;
    auto kept = std::partition(entries_.begin(), entries_.end(),
                               [&](const Entry& e) { return !is_cancelled(e.item); });
    for (auto entry = kept; entry != entries_.end(); ++entry) {
      dropped.push_back(std::move(entry->item));
    }
    entries_.erase(kept, entries_.end());
    cancelled_ = 0;
    for (size_t i = entries_.size() / kArity + 1; i-- > 0;) sift_down(i);
    return dropped;
  }

  // In no particular order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Entry& entry : entries_) visit(entry.item);
  }

 private:
  static constexpr size_t kArity = 4;
  static constexpr size_t kSweepAbove = 100;  // asyncio's _MIN_SCHEDULED_TIMER_HANDLES

  struct Entry {
    double when;
    uint64_t order;
    T item;
    bool before(const Entry& other) const {
      return when != other.when ? when < other.when : order < other.order;
    }
  };

  void sift_up(size_t index) {
    Entry moving = std::move(entries_[index]);
    while (index > 0) {
      size_t parent = (index - 1) / kArity;
      if (!moving.before(entries_[parent])) break;
      entries_[index] = std::move(entries_[parent]);
      index = parent;
    }
    entries_[index] = std::move(moving);
  }

  void sift_down(size_t index) {
    if (index >= entries_.size()) return;
    Entry moving = std::move(entries_[index]);
    for (;;) {
      size_t first = index * kArity + 1;
      if (first >= entries_.size()) break;
      size_t end = std::min(first + kArity, entries_.size());
      size_t least = first;
      for (size_t child = first + 1; child < end; ++child) {
        if (entries_[child].before(entries_[least])) least = child;
      }
      if (!entries_[least].before(moving)) break;
      entries_[index] = std::move(entries_[least]);
      index = least;
    }
    entries_[index] = std::move(moving);
  }

  std::vector<Entry> entries_;
  uint64_t next_order_ = 0;
  size_t cancelled_ = 0;
};

}  // namespace tricorn
