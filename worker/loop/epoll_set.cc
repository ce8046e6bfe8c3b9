// EpollSet: see the header.
#include "worker/loop/epoll_set.h"

#include <fcntl.h>
#include <pthread.h>

#include <cerrno>
#include <utility>

namespace tricorn {
namespace {

constexpr uint32_t kAsked = EPOLLIN | EPOLLOUT;  // the others come unasked

unsigned forks = 0;  // of this process's ancestors, since the first set was made

uint64_t ticket(int fd, uint32_t generation) {
  return uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
}

}  // namespace

int EpollSet::open() {
  static const int counts_forks = pthread_atfork(nullptr, nullptr, [] { ++forks; });
  if (counts_forks != 0) return -counts_forks;
  set_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!set_) return -errno;
  forks_ = forks;
  return 0;
}

int EpollSet::rebuild() {
  UniqueFd old = std::move(set_);
  if (int error = open(); error < 0) {
    set_ = std::move(old);
    return error;
  }
  for (size_t fd = 0; fd < entries_.size(); ++fd) {
    Entry& entry = entries_[fd];
    entry.armed = 0;
    ++entry.generation;
    // Closed by somebody else meanwhile: it never gets ready.
    if (entry.wanted != 0) arm(static_cast<int>(fd), entry);
  }
  return 0;
}

void EpollSet::drop_listeners() {
  for (size_t fd = 0; fd < entries_.size(); ++fd) {  // it may grow meanwhile
    IoListener* dropped = entries_[fd].listener;
    release(static_cast<int>(fd));
    if (dropped != nullptr) dropped->on_set_closed();
  }
}

int EpollSet::visit(visitproc visitor, void* arg) const {
  for (const Entry& entry : entries_) {
    if (entry.listener == nullptr) continue;
    if (int stop = entry.listener->visit_kept(visitor, arg)) return stop;
  }
  return 0;
}

void EpollSet::close() {
  drop_listeners();
  set_.reset();
  entries_.clear();
  changed_.clear();
  refused_.clear();
  held_back_.clear();
  event_count_ = 0;
}

EpollSet::Entry& EpollSet::entry_of(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (index >= entries_.size()) entries_.resize(index + 16);
  return entries_[index];
}

EpollSet::Entry* EpollSet::find(int fd) const {
  const bool known = fd >= 0 && static_cast<size_t>(fd) < entries_.size();
  return known ? const_cast<Entry*>(&entries_[static_cast<size_t>(fd)]) : nullptr;
}

IoListener* EpollSet::listener(int fd) const {
  const Entry* entry = find(fd);
  return entry == nullptr ? nullptr : entry->listener;
}

uint32_t EpollSet::wanted(int fd) const {
  const Entry* entry = find(fd);
  return entry == nullptr ? 0 : entry->wanted;
}

int EpollSet::arm(int fd, Entry& entry) {
  if (forks_ != forks) {
    entry.armed = 0;
    return 0;
  }
  if (entry.wanted == 0) {
    const bool registered = std::exchange(entry.armed, 0) != 0;
    return !registered || ::epoll_ctl(set_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0 ? 0 : -errno;
  }
  epoll_event event{};
  event.events = entry.wanted;
  event.data.u64 = ticket(fd, entry.generation);
  const int first = entry.armed != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  int result = ::epoll_ctl(set_.get(), first, fd, &event);
  if (result != 0 && (errno == ENOENT || errno == EEXIST)) {
    event.data.u64 = ticket(fd, ++entry.generation);
    result = ::epoll_ctl(set_.get(), errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
  }
  entry.armed = result == 0 ? entry.wanted : 0;
  return result == 0 ? 0 : -errno;
}

int EpollSet::watch(int fd, uint32_t events, IoListener& listener) {
  // The table grows for descriptors only, not for any number that somebody takes for one.
  if (find(fd) == nullptr && ::fcntl(fd, F_GETFD) < 0) return -errno;
  Entry& entry = entry_of(fd);
  IoListener* before = std::exchange(entry.listener, &listener);
  entry.wanted = events;
  const int error = arm(fd, entry);
  if (error != 0) entry.wanted = 0;
  if (before != nullptr && before != &listener) before->on_replaced();  // may run Python code
  return error;
}

void EpollSet::note_change(int fd, Entry& entry) {
  if (entry.changed) return;
  entry.changed = true;
  changed_.push_back(fd);
}

void EpollSet::want(int fd, uint32_t events, IoListener& listener) {
  Entry& entry = entry_of(fd);
  if (entry.listener != &listener) {
    // Whatever was armed under this number may be gone with its file.
    entry.listener = &listener;
    entry.wanted = events;
    if (entry.armed != 0 || events != 0) note_change(fd, entry);
    return;
  }
  entry.wanted = events;
  // Input that is not wanted just now is likely to be wanted again soon.
  const bool told = (entry.armed & ~uint32_t{EPOLLIN}) == (events & ~uint32_t{EPOLLIN}) &&
                    (entry.armed & events) == events;
  if (!told) note_change(fd, entry);
}

void EpollSet::ignore(int fd, uint32_t events) {
  if (Entry* entry = find(fd)) entry->wanted &= ~events;
}

void EpollSet::release(int fd) {
  Entry* entry = find(fd);
  if (entry == nullptr) return;
  entry->listener = nullptr;
  entry->wanted = 0;
  arm(fd, *entry);
  ++entry->generation;
  released_ = true;
  note_output();  // it is about to be closed
}

void EpollSet::apply_changes() {
  for (int fd : changed_) {
    Entry& entry = entries_[static_cast<size_t>(fd)];
    entry.changed = false;
    const bool known = entry.listener != nullptr && arm(fd, entry) != 0 && entry.wanted != 0;
    if (known) refused_.push_back(fd);
  }
  changed_.clear();
}

void EpollSet::wait(int timeout_ms) {
  if (forks_ != forks) rebuild();
  apply_changes();
  held_back_.clear();
  released_ = false;
  const int timeout = refused_.empty() ? timeout_ms : 0;
  const int count = ::epoll_wait(set_.get(), events_.data(), kEventsPerWait, timeout);
  event_count_ = count < 0 ? 0 : count;
  quiet_waits_ = event_count_ > 0 ? 0 : quiet_waits_ + 1;
}

bool EpollSet::dispatch() {
  stale_ = false;
  const int count = std::exchange(event_count_, 0);
  for (int i = 0; i < count; ++i) dispatch_one(events_[static_cast<size_t>(i)]);
  for (int fd : std::exchange(refused_, {})) {
    if (IoListener* refused = listener(fd)) refused->on_io(fd, EPOLLERR);
  }
  return !stale_;
}

bool EpollSet::dispatch_held_back() {
  stale_ = false;
  set_holds_back(false);
  for (const epoll_event& event : std::exchange(held_back_, {})) dispatch_one(event);
  return !stale_;
}

void EpollSet::dispatch_one(const epoll_event& event) {
  const int fd = static_cast<int>(event.data.u64 & 0xffffffffU);
  Entry* entry = find(fd);
  if (entry == nullptr || event.data.u64 != ticket(fd, entry->generation)) {
    stale_ |= !released_;
    return;
  }
  const uint32_t unwanted = event.events & kAsked & ~entry->wanted;
  if (unwanted != 0 || entry->wanted == 0 || entry->listener == nullptr) {
    if (arm(fd, *entry) != 0) stale_ = true;
  }
  const uint32_t news = event.events & ~(kAsked & ~entry->wanted);
  if (news == 0 || entry->wanted == 0 || entry->listener == nullptr) return;
  if (holds_back_ && entry->listener->calls_back()) {
    held_back_.push_back(event);
  } else {
    entry->listener->on_io(fd, news);
  }
}

}  // namespace tricorn
