// IntrusiveList: a doubly linked list whose links live in its elements. Adding and removing
// allocate nothing and take constant time. Owns nothing; an element must be unlinked before it
// dies.
#pragma once

#include <cassert>
#include <cstddef>

namespace tricorn {

template <class T>
struct ListLink {
  T* previous = nullptr;
  T* next = nullptr;
  bool linked = false;
};

// `Link` names the member to link by, so an element can be in several lists: IntrusiveList<Item,
// &Item::link>.
template <class T, ListLink<T> T::* Link>
class IntrusiveList {
 public:
  bool empty() const { return front_ == nullptr; }
  size_t size() const { return size_; }
  T* front() const { return front_; }
  static T* next(const T& element) { return (element.*Link).next; }
  static bool is_linked(const T& element) { return (element.*Link).linked; }

  void push_back(T& element) {
    ListLink<T>& link = element.*Link;
    assert(!link.linked);
    link = {.previous = back_, .next = nullptr, .linked = true};
    (back_ == nullptr ? front_ : (back_->*Link).next) = &element;
    back_ = &element;
    ++size_;
  }

  // `element` is in this list.
  void remove(T& element) {
    ListLink<T>& link = element.*Link;
    assert(link.linked);
    (link.previous == nullptr ? front_ : (link.previous->*Link).next) = link.next;
    (link.next == nullptr ? back_ : (link.next->*Link).previous) = link.previous;
    link = {};
    --size_;
  }

  T* pop_front() {
    T* element = front_;
    if (element != nullptr) remove(*element);
    return element;
  }

  // For every element; `visit` may remove the one it is given.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (T* element = front_; element != nullptr;) {
      T* following = next(*element);
      visit(*element);
      element = following;
    }
  }

 private:
  T* front_ = nullptr;
  T* back_ = nullptr;
  size_t size_ = 0;
};

}  // namespace tricorn
