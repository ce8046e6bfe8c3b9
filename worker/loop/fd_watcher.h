// FdWatcher: readiness of other people's descriptors: the handles of add_reader and add_writer, and
// the native waiters of sock_*. Both may wait for the same descriptor; each gets its due.
//
// Python code does not tell before it closes a descriptor, so every watch() asks the kernel, and a
// reader that is taken away leaves its descriptor armed, as it is likely to be watched again soon
// (see EpollSet). Writers are disarmed at once: they would fire at once.
//
// wait() asks the kernel only when a socket object waits for the first time, or after a handle did:
// while the object is the same, its number means the same file. (Whoever puts another file under
// the number of a living socket object, by dup2, has to make a new object.)
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "worker/loop/backlog.h"
#include "worker/loop/epoll_set.h"
#include "worker/loop/fd_waiter.h"
#include "worker/python/py_ref.h"

namespace tricorn {

enum class Direction : uint8_t { kRead = 0, kWrite = 1 };

class FdWatcher final : public IoListener {
 public:
  // What the last operation of a socket tells about its next.
  struct Habits {
    bool drained = false;  // it took all there was: the next one is likely to have to wait
    bool much = false;     // it brought much
  };

  FdWatcher(Backlog& backlog, EpollSet& set) : backlog_(backlog), set_(set) {}
  void close();

  // Queues `handle` each time `fd` is ready. Replaces (and cancels) an earlier one. `file`, which
  // may be null, is kept alive meanwhile. False with OSError set.
  bool watch(int fd, Direction direction, PyRef handle, PyRef file);
  // True if there was a handle; it is cancelled.
  bool unwatch(int fd, Direction direction);
  // The descriptor that `file` was watched by; -1 if it is not.
  int find(PyObject* file) const;
  // Whether somebody waits.
  bool watches(int fd, Direction direction) const;

  // Has `waiter` called, after those that wait already, when the descriptor of `socket` is ready.
  // False with an error set. May run Python code.
  bool wait(int fd, Direction direction, PyObject* socket, FdWaiter& waiter);
  // `waiter` must wait. It does not any more.
  void stop_waiting(int fd, Direction direction, FdWaiter& waiter);
  bool has_waiters(int fd, Direction direction) const;
  // Null unless `socket` is the one that waited last: valid until the next call. Whoever has it may
  // write to it.
  Habits* habits(int fd, PyObject* socket);

  int visit(visitproc visitor, void* arg) const;

  void on_io(int fd, uint32_t events) noexcept override;

 private:
  struct Entry {
    std::array<PyRef, 2> handles;  // by Direction
    std::array<FdWaiterQueue, 2> waiters;
    PyRef file;
    PyRef socket;  // a weak reference to the one that waited last
    Habits habits;
    uint32_t wanted() const;
  };

  Entry* find_entry(int fd);
  Entry& entry_of(int fd);
  bool begin_to_wait(int fd, uint32_t events, PyObject* socket);
  void look(int fd, Direction direction);
  // False: nobody waits.
  bool queue(int fd, Direction direction);
  bool serve(int fd, Direction direction);
  void serve_lost(int fd, Direction direction);
  void disarm(int fd, Direction direction);

  Backlog& backlog_;
  EpollSet& set_;
  std::vector<Entry> entries_;  // by descriptor
};

}  // namespace tricorn
