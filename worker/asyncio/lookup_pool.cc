// LookupPool: see the header.
#include "worker/asyncio/lookup_pool.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "common/service_thread.h"

namespace tricorn {
namespace {

struct Question {
  LookupPtr lookup;
  std::shared_ptr<LookupMailbox> mailbox;
};

// Guards the pool and all mailboxes. It is held by who forks, so that the child finds them whole.
std::mutex& mutex = *new std::mutex;

class Pool {
 public:
  // `before`: the pool of the parent process, which has threads waiting in it; null: none.
  explicit Pool(Pool* before) : before_(before) {}

  bool ask(Question question) {
    const std::lock_guard lock(mutex);
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

  std::condition_variable asked_;
  std::deque<Question> questions_;
  size_t idle_ = 0;  // threads that wait for a question
  int threads_ = 0;
  [[maybe_unused]] Pool* const before_;  // stays reachable: no leak
};

// Leaked: a thread may outlive all that is destroyed when the process ends.
Pool* pool = new Pool(nullptr);

bool Pool::start_thread() {
  const auto main = [](void* self) noexcept -> void* {
    static_cast<Pool*>(self)->run();
    return nullptr;
  };
  pthread_t thread{};
  const bool started = start_service_thread("getaddrinfo", main, this, thread) == 0;
  if (started) pthread_detach(thread);
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
  std::unique_lock lock(mutex);
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
  process_ = ::getpid();
  return static_cast<bool>(arrived_);
}

void LookupMailbox::put(LookupPtr answer) {
  const std::lock_guard lock(mutex);
  if (!arrived_) return;
  answers_.push_back(std::move(answer));
  ::eventfd_write(arrived_.get(), 1);
}

void LookupMailbox::close() {
  const std::lock_guard lock(mutex);
  arrived_.reset();
  answers_.clear();
}

std::vector<LookupPtr> LookupMailbox::take_all() {
  const std::lock_guard lock(mutex);
  return std::exchange(answers_, {});
}

bool LookupPool::ask(LookupPtr question, std::shared_ptr<LookupMailbox> mailbox) {
  static const int renewed_by_forks = pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); },
                                                     [] {
                                                       mutex.unlock();
                                                       pool = new Pool(pool);
                                                     });
  return renewed_by_forks == 0 && pool->ask({std::move(question), std::move(mailbox)});
}

}  // namespace tricorn
