// LookupPool: the threads of this process that look up addresses, shared by all its loops.
//
// Unlike an executor's, they never touch Python: neither they nor the loop wait for the GIL. A
// thread is started when a question finds none idle, up to kMaxThreads, and ends after
// kIdleLife without a question; it never keeps a process from ending. A forked child begins
// without any.
#pragma once

#include <unistd.h>

#include <chrono>
#include <memory>
#include <vector>

#include "common/unique_fd.h"
#include "worker/asyncio/address_lookup.h"

namespace tricorn {

using LookupPtr = std::unique_ptr<AddressLookup>;

// Where the answers for one loop arrive. Any thread.
class LookupMailbox {
 public:
  // False with errno set.
  bool open();
  // An eventfd that each answer writes to. Watch it for edges: nobody reads it.
  int fd() const { return arrived_.get(); }
  void put(LookupPtr answer);  // dropped when it is closed
  std::vector<LookupPtr> take_all();
  // Whether it was opened in this process, and not in one that was forked since.
  bool is_own() const { return process_ == ::getpid(); }
  // No more answers; threads may hold the mailbox for longer.
  void close();

 private:
  UniqueFd arrived_;
  pid_t process_ = 0;
  std::vector<LookupPtr> answers_;
};

class LookupPool {
 public:
  static constexpr int kMaxThreads = 16;
  static constexpr std::chrono::seconds kIdleLife{5};

  // The answer goes to `mailbox`. False if there is no thread and none can be made.
  static bool ask(LookupPtr question, std::shared_ptr<LookupMailbox> mailbox);
};

}  // namespace tricorn
