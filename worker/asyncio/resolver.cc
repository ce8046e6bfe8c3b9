// Resolver: see the header.
#include "worker/asyncio/resolver.h"

#include <sys/epoll.h>

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
  if (auto known = resolvers().find(&loop); known != resolvers().end()) return known->second;
  auto mailbox = std::make_shared<LookupMailbox>();
  if (!mailbox->open()) {
    PyErr_SetFromErrno(PyExc_OSError);
    return nullptr;
  }
  std::unique_ptr<Resolver> made(new Resolver(loop, mailbox));
  if (const int error = loop.io().watch(mailbox->fd(), EPOLLIN | EPOLLET, *made); error < 0) {
    loop.io().release(mailbox->fd());
    errno = -error;
    PyErr_SetFromErrno(PyExc_OSError);
    return nullptr;
  }
  return resolvers()[&loop] = made.release();
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
  if (!is_done(future.get()) && !complete(future, answer)) {
    loop_.report_from_io(PyError::take(), "Error in a look-up of addresses");
  }
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
