// Resolver: see the header.
#include "worker/asyncio/resolver.h"

#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "worker/asyncio/callbacks.h"
#include "worker/asyncio/lookup_entries.h"
#include "worker/python/interned.h"
#include "worker/python/py_error.h"

namespace tricorn {
namespace {

// Few loops are open at a time.
std::unordered_map<EventLoop*, Resolver*>& resolvers() {
  static auto& all = *new std::unordered_map<EventLoop*, Resolver*>;
  return all;
}

PyRef complete(const PyRef& future, const AddressLookup& answer) {
  if (answer.error == 0) {
    PyRef entries = entries_of(*answer.found);
    if (!entries) return {};
    return PyRef::steal(
        PyObject_CallMethodOneArg(future.get(), interned.set_result, entries.get()));
  }
  PyRef exception = lookup_exception(answer.error, answer.system_error);
  if (!exception) return {};
  return PyRef::steal(
      PyObject_CallMethodOneArg(future.get(), interned.set_exception, exception.get()));
}

}  // namespace

Resolver* Resolver::of(EventLoop& loop) {
  if (auto known = resolvers().find(&loop); known != resolvers().end()) {
    Resolver* resolver = known->second;
    return resolver->mailbox_->is_own() || resolver->open_mailbox() ? resolver : nullptr;
  }
  std::unique_ptr<Resolver> made(new Resolver(loop));
  return made->open_mailbox() ? resolvers()[&loop] = made.release() : nullptr;
}

bool Resolver::open_mailbox() {
  auto mailbox = std::make_shared<LookupMailbox>();
  if (!mailbox->open()) {
    set_os_error(errno);
    return false;
  }
  if (const int error = loop_.io().watch(mailbox->fd(), EPOLLIN | EPOLLET, *this); error < 0) {
    loop_.io().release(mailbox->fd());
    set_os_error(-error);
    return false;
  }
  if (mailbox_) {
    loop_.io().release(mailbox_->fd());
    mailbox_->close();
  }
  mailbox_ = std::move(mailbox);
  return true;
}

PyRef Resolver::ask(LookupPtr question) {
  PyRef future = loop_.create_future();
  if (!future) return {};
  question->id = ++last_id_;
  if (!LookupPool::ask(std::move(question), mailbox_)) return {};
  waiting_.emplace(last_id_, future.clone());
  return future;
}

void Resolver::on_io(int, uint32_t) noexcept {
  for (const LookupPtr& answer : mailbox_->take_all()) settle(*answer);
}

void Resolver::settle(const AddressLookup& answer) {
  auto asked = waiting_.extract(answer.id);
  if (asked.empty()) return;
  const PyRef future = std::move(asked.mapped());
  if (is_done(future.get()) || complete(future, answer)) return;
  const PyError failure = PyError::take();  // of making the answer
  fail_future(loop_, future.get(), failure.exception());
}

int Resolver::visit_kept(visitproc visit, void* arg) const {
  for (const auto& [id, future] : waiting_) {
    if (int stop = future.traverse(visit, arg)) return stop;
  }
  return 0;
}

void Resolver::on_set_closed() noexcept {
  mailbox_->close();
  resolvers().erase(&loop_);
  delete this;
}

}  // namespace tricorn
