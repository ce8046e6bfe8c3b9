// FdWatcher: readiness of other people's descriptors (add_reader, add_writer), in an epoll set of
// its own that libuv watches as one descriptor.
//
// libuv's uv_poll wants to know before a watched descriptor is closed; Python code does not tell.
// Here the kernel's set is the truth and our table follows it:
//   * every watch() asks the kernel, since the number may mean another file by now (it was closed,
//   its registration is
//     gone, and the number was reused);
//   * unwatch() of a reader leaves the descriptor armed, as it is likely to be watched again; if it
//   fires with nobody
//     waiting, it is disarmed then. Writers are disarmed at once: they would fire at once;
//   * a registration outlives close() while a duplicate is open elsewhere (a forked child), and can
//   then not be removed
//     by number. Such an event carries an old generation or cannot be disarmed: the set is built
//     anew without it.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <vector>

#include "common/unique_fd.h"
#include "worker/loop/backlog.h"
#include "worker/loop/poller.h"
#include "worker/uv/handle.h"

struct epoll_event;

namespace tricorn {

enum class Direction : uint8_t { kRead = 0, kWrite = 1 };

class FdWatcher {
 public:
  FdWatcher(Backlog& backlog, Poller& poller) : backlog_(backlog), poller_(poller) {}

  // `loop` must outlive close().
  void open(uv_loop_t* loop) { uv_ = loop; }
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

  int visit(visitproc visitor, void* arg) const;

 private:
  struct Entry {
    std::array<PyRef, 2> handles;  // by Direction
    PyRef file;
    uint32_t armed = 0;  // what the kernel was told
    uint32_t generation = 0;
    uint32_t wanted() const;
  };

  bool make_set();
  void rebuild_set();
  // Tells the kernel what the entry wants. False with errno set.
  bool arm(int fd, Entry& entry);
  void on_ready();
  // False: the registration is not ours any more.
  bool on_event(const epoll_event& event);
  bool queue(int fd, Direction direction);

  Backlog& backlog_;
  Poller& poller_;
  uv_loop_t* uv_ = nullptr;
  UniqueFd set_;  // made at the first watch()
  UvHandle<uv_poll_t> poll_;
  std::vector<Entry> entries_;  // by descriptor
};

}  // namespace tricorn
