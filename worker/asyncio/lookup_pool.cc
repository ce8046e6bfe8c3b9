// LookupPool: see the header.
#include "worker/asyncio/lookup_pool.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <deque>
#include <utility>

namespace tricorn {
namespace {

struct Question {
  LookupPtr lookup;
  std::shared_ptr<LookupMailbox> mailbox;
};

class Pool {
 public:
  // `before`: the pool of the parent process, whose mutex may be locked for ever; null: none.
  explicit Pool(Pool* before) : before_(before) {}

  bool ask(Question question) {
    std::lock_guard lock(mutex_);
    questions_.push_back(std::move(question));
    if (idle_ >= questions_.size()) {
      asked_.notify_one();
      return true;
    }
    if (threads_ == LookupPool::kMaxThreads || start_thread() || threads_ > 0) return true;
    questions_.pop_back();
    return false;
  }

 private:
  bool start_thread();
  void run();
  bool next(Question& out);

  std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<Question> questions_;
  size_t idle_ = 0;  // threads that wait for a question
  int threads_ = 0;
  [[maybe_unused]] Pool* const before_;  // stays reachable: no leak
};

// Leaked: a thread may outlive all that is destroyed when the process ends.
Pool* pool = new Pool(nullptr);

bool Pool::start_thread() {
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread inherits its maker's mask
  pthread_t thread{};
  const auto main = [](void* self) noexcept -> void* {
    pthread_setname_np(pthread_self(), "getaddrinfo");
    static_cast<Pool*>(self)->run();
    return nullptr;
  };
  const bool started = pthread_create(&thread, &detached, main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&detached);
  threads_ += started ? 1 : 0;
  return started;
}

void Pool::run() {
  for (Question question; next(question); question = {}) {
    question.lookup->run();
    question.mailbox->put(std::move(question.lookup));
  }
}

// False: this thread is to end.
bool Pool::next(Question& out) {
  std::unique_lock lock(mutex_);
  ++idle_;
  const bool asked =
      asked_.wait_for(lock, LookupPool::kIdleLife, [&] { return !questions_.empty(); });
  --idle_;
  if (!asked) {
    --threads_;
    return false;
  }
  out = std::move(questions_.front());
  questions_.pop_front();
  return true;
}

}  // namespace

bool LookupMailbox::open() {
  arrived_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  return static_cast<bool>(arrived_);
}

void LookupMailbox::put(LookupPtr answer) {
  std::lock_guard lock(mutex_);
  if (!arrived_) return;
  answers_.push_back(std::move(answer));
  ::eventfd_write(arrived_.get(), 1);
}

void LookupMailbox::close() {
  std::lock_guard lock(mutex_);
  arrived_.reset();
  answers_.clear();
}

std::vector<LookupPtr> LookupMailbox::take_all() {
  std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

bool LookupPool::ask(LookupPtr question, std::shared_ptr<LookupMailbox> mailbox) {
  static const int renewed_by_forks =
      pthread_atfork(nullptr, nullptr, [] { pool = new Pool(pool); });
  return renewed_by_forks == 0 && pool->ask({std::move(question), std::move(mailbox)});
}

}  // namespace tricorn
