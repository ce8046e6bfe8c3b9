// ReadyRing: the queue of what the loop runs next, a power-of-two ring that grows. Pure.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace tricorn {

// T is movable and default-constructible; a default T means "empty slot".
template <class T>
class ReadyRing {
 public:
  bool empty() const { return count_ == 0; }
  size_t size() const { return count_; }

  void push(T item) {
    if (count_ == slots_.size()) grow();
    slots_[(first_ + count_++) & (slots_.size() - 1)] = std::move(item);
  }

  // The oldest item. Must not be empty.
  T pop() {
    T item = std::move(slots_[first_]);
    first_ = (first_ + 1) & (slots_.size() - 1);
    --count_;
    return item;
  }

  // From oldest to newest.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (size_t i = 0; i < count_; ++i) visit(slots_[(first_ + i) & (slots_.size() - 1)]);
  }

 private:
  static constexpr size_t kFirstSize = 64;

  void grow() {
    std::vector<T> wider(slots_.empty() ? kFirstSize : slots_.size() * 2);
    for (size_t i = 0; i < count_; ++i) {
      wider[i] = std::move(slots_[(first_ + i) & (slots_.size() - 1)]);
    }
    slots_.swap(wider);
    first_ = 0;
  }

  std::vector<T> slots_;
  size_t first_ = 0;
  size_t count_ = 0;
};

}  // namespace tricorn
