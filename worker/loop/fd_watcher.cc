// FdWatcher: see the header.
#include "worker/loop/fd_watcher.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "worker/loop/handle.h"
#include "worker/python/weak_ref.h"

namespace tricorn {
namespace {

constexpr uint32_t kEventOf[] = {EPOLLIN, EPOLLOUT};

size_t index_of(Direction direction) { return static_cast<size_t>(direction); }

}  // namespace

uint32_t FdWatcher::Entry::wanted() const {
  uint32_t events = 0;
  for (size_t i = 0; i < handles.size(); ++i) {
    if (handles[i] || !waiters[i].empty()) events |= kEventOf[i];
  }
  return events;
}

void FdWatcher::close() {
  // What is dropped may run Python code that takes waiters off: the entries stay meanwhile.
  for (size_t fd = 0; fd < entries_.size(); ++fd) {
    for (size_t i = 0; i < entries_[fd].handles.size(); ++i) {
      const PyRef handle = std::move(entries_[fd].handles[i]);
      if (handle) as_handle(handle).detach();
      while (FdWaiter* waiter = entries_[fd].waiters[i].first()) {
        entries_[fd].waiters[i].remove(*waiter);
        waiter->on_loop_closed();
      }
    }
  }
  const std::vector<Entry> dropped = std::exchange(entries_, {});
}

FdWatcher::Entry* FdWatcher::find_entry(int fd) {
  const bool known = fd >= 0 && static_cast<size_t>(fd) < entries_.size();
  return known ? &entries_[static_cast<size_t>(fd)] : nullptr;
}

FdWatcher::Entry& FdWatcher::entry_of(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (index >= entries_.size()) entries_.resize(index + 16);
  return entries_[index];
}

bool FdWatcher::watch(int fd, Direction direction, PyRef handle, PyRef file) {
  const Entry* known_entry = find_entry(fd);
  const uint32_t others = known_entry == nullptr ? 0 : known_entry->wanted();
  if (int error = set_.watch(fd, others | kEventOf[index_of(direction)], *this); error < 0) {
    errno = -error;
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
  }
  Entry& entry = entry_of(fd);
  PyRef known = std::move(entry.socket);  // asks the kernel next time
  as_handle(handle).repeats = true;
  std::swap(entry.handles[index_of(direction)], handle);
  if (file) std::swap(entry.file, file);
  // Last: these run Python code, which may come back here.
  if (handle) as_handle(handle).cancel();
  return true;
}

bool FdWatcher::unwatch(int fd, Direction direction) {
  if (!watches(fd, direction)) return false;
  Entry& entry = entries_[fd];
  PyRef handle = std::move(entry.handles[index_of(direction)]);
  PyRef file;
  if (entry.wanted() == 0) file = std::move(entry.file);
  if (set_.listener(fd) != this) {
    // Closed without a word, and its number is somebody else's by now.
  } else if (direction == Direction::kWrite) {
    // A failure means that the descriptor was closed before: nothing is left to disarm.
    set_.watch(fd, entry.wanted(), *this);
  } else if (entry.waiters[index_of(direction)].empty()) {
    set_.ignore(fd, EPOLLIN);
  }
  as_handle(handle).cancel();
  return true;
}

int FdWatcher::find(PyObject* file) const {
  auto entry = std::ranges::find_if(entries_, [&](const Entry& e) { return e.file.get() == file; });
  return entry == entries_.end() ? -1 : static_cast<int>(entry - entries_.begin());
}

bool FdWatcher::watches(int fd, Direction direction) const {
  return fd >= 0 && static_cast<size_t>(fd) < entries_.size() &&
         entries_[fd].handles[index_of(direction)];
}

int FdWatcher::visit(visitproc visitor, void* arg) const {
  for (const Entry& entry : entries_) {
    for (const PyRef& handle : entry.handles) {
      if (!handle) continue;
      if (int stop = visit_handle(handle, visitor, arg)) return stop;
    }
    for (const FdWaiterQueue& waiters : entry.waiters) {
      for (FdWaiter* waiter = waiters.first(); waiter != nullptr;
           waiter = FdWaiterQueue::after(*waiter)) {
        if (int stop = waiter->visit_kept(visitor, arg)) return stop;
      }
    }
    if (int stop = entry.file.traverse(visitor, arg)) return stop;
  }
  return 0;
}

bool FdWatcher::has_waiters(int fd, Direction direction) const {
  return fd >= 0 && static_cast<size_t>(fd) < entries_.size() &&
         !entries_[fd].waiters[index_of(direction)].empty();
}

FdWatcher::Habits* FdWatcher::habits(int fd, PyObject* socket) {
  Entry* entry = find_entry(fd);
  const bool known =
      entry != nullptr && refers_to(entry->socket, socket) && set_.listener(fd) == this;
  return known ? &entry->habits : nullptr;
}

bool FdWatcher::wait(int fd, Direction direction, PyObject* socket, FdWaiter& waiter) {
  const uint32_t events = entry_of(fd).wanted() | kEventOf[index_of(direction)];
  const bool known = habits(fd, socket) != nullptr;
  if (known) {
    set_.want(fd, events, *this);
  } else if (!begin_to_wait(fd, events, socket)) {
    return false;
  }
  entries_[fd].waiters[index_of(direction)].push_back(waiter);
  if (!known) {
    // Whose file went without a word: this is the first that is heard of it.
    serve_lost(fd, Direction::kRead);
    serve_lost(fd, Direction::kWrite);
  }
  return true;
}

bool FdWatcher::begin_to_wait(int fd, uint32_t events, PyObject* socket) {
  PyRef weak = PyRef::steal(PyWeakref_NewRef(socket, nullptr));
  if (!weak) return false;
  if (int error = set_.watch(fd, events, *this); error < 0) {
    errno = -error;
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
  }
  Entry& entry = entries_[fd];
  std::swap(entry.socket, weak);
  entry.habits = {};
  return true;
}

void FdWatcher::stop_waiting(int fd, Direction direction, FdWaiter& waiter) {
  Entry& entry = entries_[fd];
  entry.waiters[index_of(direction)].remove(waiter);
  disarm(fd, direction);
}

// If nobody waits any more. A reader is likely to come again; a writer is not told to the kernel
// before the loop sleeps, as the next one may come until then.
void FdWatcher::disarm(int fd, Direction direction) {
  const Entry& entry = entries_[fd];
  const uint32_t wanted = entry.wanted();
  if ((wanted & kEventOf[index_of(direction)]) != 0 || set_.listener(fd) != this) return;
  if (direction == Direction::kRead) {
    set_.ignore(fd, EPOLLIN);
  } else {
    set_.want(fd, wanted, *this);
  }
}

// As asyncio's selector: an error or a hang-up is news for both sides.
void FdWatcher::on_io(int fd, uint32_t events) noexcept {
  if ((events & ~uint32_t{EPOLLOUT}) != 0) look(fd, Direction::kRead);
  if ((events & ~uint32_t{EPOLLIN}) != 0) look(fd, Direction::kWrite);
}

void FdWatcher::look(int fd, Direction direction) {
  const bool queued = queue(fd, direction);
  if (!serve(fd, direction) && !queued) disarm(fd, direction);
}

bool FdWatcher::queue(int fd, Direction direction) {
  PyRef& handle = entries_[fd].handles[index_of(direction)];
  if (!handle) return false;
  if (as_handle(handle).cancelled) {  // by its owner, without remove_reader
    PyRef dropped = std::move(handle);
    return false;
  }
  backlog_.ready.push(handle.clone());
  return true;
}

// Waiters may run Python code, which may move the entries.
bool FdWatcher::serve(int fd, Direction direction) {
  while (FdWaiter* first = entries_[fd].waiters[index_of(direction)].first()) {
    if (!first->on_ready()) return true;
  }
  return false;
}

void FdWatcher::serve_lost(int fd, Direction direction) {
  FdWaiter* waiter = entries_[fd].waiters[index_of(direction)].first();
  while (waiter != nullptr) {
    if (waiter->lost_file() && waiter->on_ready()) {
      waiter = entries_[fd].waiters[index_of(direction)].first();
    } else {
      waiter = FdWaiterQueue::after(*waiter);
    }
  }
}

}  // namespace tricorn
