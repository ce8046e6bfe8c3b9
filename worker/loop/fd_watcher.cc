// FdWatcher: see the header.
#include "worker/loop/fd_watcher.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "worker/loop/handle.h"

namespace tricorn {
namespace {

constexpr int kEventsPerLook = 256;
constexpr uint32_t kEventOf[] = {EPOLLIN, EPOLLOUT};

size_t index_of(Direction direction) { return static_cast<size_t>(direction); }

uint64_t ticket(int fd, uint32_t generation) {
  return uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
}

}  // namespace

uint32_t FdWatcher::Entry::wanted() const {
  uint32_t events = 0;
  for (size_t i = 0; i < handles.size(); ++i) {
    if (handles[i]) events |= kEventOf[i];
  }
  return events;
}

bool FdWatcher::make_set() {
  set_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!set_) return false;
  int error =
      poll_.open(this, [&](uv_poll_t* poll) { return uv_poll_init(uv_, poll, set_.get()); });
  if (error == 0) {
    error = uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* poll, int, int) {
      if (poll->data != nullptr) static_cast<FdWatcher*>(poll->data)->on_ready();
    });
  }
  if (error == 0) return true;
  poll_.close();
  set_.reset();
  errno = -error;
  return false;
}

void FdWatcher::close() {
  poll_.close();
  set_.reset();
  std::vector<Entry> entries;
  entries.swap(entries_);
  for (Entry& entry : entries) {
    for (PyRef& handle : entry.handles) {
      if (handle) as_handle(handle).detach();
    }
  }
}

bool FdWatcher::arm(int fd, Entry& entry) {
  uint32_t wanted = entry.wanted();
  if (wanted == 0) {
    bool ours = entry.armed == 0 || ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0;
    entry.armed = 0;
    return ours;
  }
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = ticket(fd, entry.generation);
  int first = entry.armed != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  int result = ::epoll_ctl(set_.get(), first, fd, &event);
  if (result != 0 && (errno == ENOENT || errno == EEXIST)) {
    event.data.u64 = ticket(fd, ++entry.generation);
    result = ::epoll_ctl(set_.get(), errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
  }
  entry.armed = result == 0 ? wanted : 0;
  return result == 0;
}

bool FdWatcher::watch(int fd, Direction direction, PyRef handle, PyRef file) {
  if (fd < 0) errno = EBADF;
  if (fd < 0 || (!set_ && !make_set())) {
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
  }
  if (static_cast<size_t>(fd) >= entries_.size()) entries_.resize(static_cast<size_t>(fd) + 16);
  Entry& entry = entries_[fd];
  PyRef& place = entry.handles[index_of(direction)];
  as_handle(handle).repeats = true;
  std::swap(place, handle);
  if (!arm(fd, entry)) {
    std::swap(place, handle);
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
  }
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
  // A failure means that the descriptor was closed before: nothing is left to disarm.
  if (direction == Direction::kWrite) arm(fd, entry);
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
    if (int stop = entry.file.traverse(visitor, arg)) return stop;
  }
  return 0;
}

void FdWatcher::on_ready() {
  poller_.ensure_gil();
  std::array<epoll_event, kEventsPerLook> events;
  int count = ::epoll_wait(set_.get(), events.data(), kEventsPerLook, 0);
  bool ours = true;
  for (int i = 0; i < count; ++i) ours &= on_event(events[i]);
  if (!ours) rebuild_set();
}

bool FdWatcher::on_event(const epoll_event& event) {
  int fd = static_cast<int>(event.data.u64 & 0xffffffffU);
  if (event.data.u64 != ticket(fd, entries_[fd].generation)) return false;
  // As asyncio's selector: an error or a hang-up is news for both sides.
  bool waited = false;
  if ((event.events & ~uint32_t{EPOLLOUT}) != 0) waited |= queue(fd, Direction::kRead);
  if ((event.events & ~uint32_t{EPOLLIN}) != 0) waited |= queue(fd, Direction::kWrite);
  Entry& entry = entries_[fd];  // only now: a dropped handle's finalizer may have added descriptors
  bool unwanted = (event.events & (EPOLLIN | EPOLLOUT) & ~entry.wanted()) != 0;
  return waited && !unwanted ? true : arm(fd, entry);
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

void FdWatcher::rebuild_set() {
  UvHandle<uv_poll_t> old_poll = std::move(poll_);
  UniqueFd old_set = std::move(set_);
  old_poll.close();  // before the descriptor goes
  if (!make_set()) {
    PyErr_SetFromErrno(PyExc_OSError);
    PyErr_WriteUnraisable(nullptr);
    return;
  }
  for (size_t fd = 0; fd < entries_.size(); ++fd) {
    Entry& entry = entries_[fd];
    entry.armed = 0;
    ++entry.generation;
    if (entry.wanted() != 0) arm(static_cast<int>(fd), entry);  // closed while watched: never ready
  }
}

}  // namespace tricorn
