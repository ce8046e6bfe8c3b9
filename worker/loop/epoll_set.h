// EpollSet: which descriptors the loop watches, for whom, and what the kernel was told of them.
//
// Owners that tell before they close a descriptor (transports) change their wishes lazily: `want`
// and `release` cost no system call until the loop sleeps, and a wish that is taken back costs none
// at all. Owners that cannot tell (add_reader, sock_*) use `watch`, which asks the kernel each
// time: the number may mean another file by now. Then the kernel's set is the truth and the table
// follows it:
//   * an event that nobody wants any more disarms its descriptor when it comes, not before;
//   * a registration outlives close() while a duplicate is open elsewhere (a forked child), and
//     can then not be removed by number. Such an event carries an old generation: `dispatch`
//     reports it, and the set is built anew without it.
//
// A forked child has the set in common with its parent: it leaves the kernel's alone, and makes one
// of its own when it waits.
//
// One thread. The GIL is held in all but wait(), which does without.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <vector>

#include "common/unique_fd.h"
#include "worker/python/py_ref.h"

namespace tricorn {

class IoListener {
 public:
  // `events`: those of EPOLLIN and EPOLLOUT that are wanted, EPOLLERR, EPOLLHUP. Called from
  // dispatch, with the GIL. May change and release any descriptor and destroy itself. What it does
  // not act on comes again at once: it must read, write, want less or release.
  virtual void on_io(int fd, uint32_t events) noexcept = 0;
  // Whether on_io runs the user's code at once, so that it must not come before what was queued
  // earlier.
  virtual bool calls_back() const { return false; }
  // Whether a transport uses the descriptor, so that add_reader and sock_* must refuse it.
  virtual bool is_transport() const { return false; }
  // Its Python object, for messages; null: none. Borrowed.
  virtual PyObject* object() const { return nullptr; }
  // The references that the loop holds through this listener, for the cycle collector.
  virtual int visit_kept(visitproc, void*) const { return 0; }
  // Somebody else watches the descriptor from now on: no more events. It may destroy itself.
  virtual void on_replaced() noexcept {}
  // The loop is closed, or collected as garbage: no more events. To let go of what visit_kept
  // shows.
  virtual void on_set_closed() noexcept {}

 protected:
  ~IoListener() = default;
};

class EpollSet {
 public:
  // Both return a negative errno, or 0.
  int open();
  // A new set with the same wishes: for when a registration cannot be removed. fd() changes.
  int rebuild();
  void close();
  // Tells all listeners that it is closed, and forgets them.
  void drop_listeners();
  // What listeners are kept alive by the set.
  int visit(visitproc visitor, void* arg) const;
  int fd() const { return set_.get(); }

  // Tells the kernel at once, and another listener that it is replaced. `events` may hold EPOLLET.
  // A negative errno (then nothing is watched any more), or 0.
  int watch(int fd, uint32_t events, IoListener& listener);
  // The same, from the next wait on; 0 events keep the descriptor the listener's. If the kernel
  // refuses, the listener gets EPOLLERR.
  void want(int fd, uint32_t events, IoListener& listener);
  // `events` are wanted no more; the descriptor stays armed until one of them comes.
  void ignore(int fd, uint32_t events);
  // Before the descriptor is closed: no event of it comes any more.
  void release(int fd);

  IoListener* listener(int fd) const;
  uint32_t wanted(int fd) const;

  // Tells the kernel what was changed lazily; wait does so by itself.
  void apply_changes();
  // Gathers what is ready, after up to timeout_ms (-1: for ever). May be called without the GIL.
  void wait(int timeout_ms);
  // A listener has sent something or shut its side down: the other end may be in this process.
  void note_output() { quiet_waits_ = 0; }
  // The last waits gathered nothing, and nothing was sent or released since: I/O may be looked for
  // less often than in each turn, and nobody in this process can tell.
  bool is_quiet() const { return quiet_waits_ >= kQuietWaits; }
  // Tells the listeners what the last wait gathered. False if some of it belongs to nobody: the
  // set must be rebuilt.
  bool dispatch();
  // While `holds_back`, dispatch leaves those that call back to dispatch_held_back, which is to be
  // called before the next wait; what is not told by then comes again.
  void set_holds_back(bool holds_back) { holds_back_ = holds_back; }
  bool has_held_back() const { return !held_back_.empty(); }
  bool dispatch_held_back();

 private:
  struct Entry {
    IoListener* listener = nullptr;
    uint32_t wanted = 0;
    uint32_t armed = 0;  // what the kernel was told
    uint32_t generation = 0;
    bool changed = false;  // is in changed_
  };

  Entry& entry_of(int fd);
  Entry* find(int fd) const;
  int arm(int fd, Entry& entry);
  void note_change(int fd, Entry& entry);
  void dispatch_one(const epoll_event& event);

  static constexpr int kEventsPerWait = 256;
  static constexpr uint32_t kQuietWaits = 4;

  UniqueFd set_;
  std::vector<Entry> entries_;  // by descriptor
  std::vector<int> changed_;
  std::vector<int> refused_;  // by the kernel, when a change was applied
  std::array<epoll_event, kEventsPerWait> events_;
  std::vector<epoll_event> held_back_;
  int event_count_ = 0;
  uint32_t quiet_waits_ = 0;
  unsigned forks_ = 0;  // that led to this process, when set_ was made
  bool holds_back_ = false;
  bool released_ = false;  // since the last wait: events of it may be old by now
  bool stale_ = false;
};

}  // namespace tricorn
