// IoScope: around what an on_io() does for the user: in his context, and with what he wrote sent at
// the end. In debug mode the log is told when it took long, as of asyncio's handles. GIL held.
#pragma once

#include "worker/asyncio/callbacks.h"
#include "worker/loop/monotonic.h"

namespace tricorn {

class IoScope {
 public:
  // `object`, which is kept until the end: whom the log names.
  IoScope(EventLoop& loop, PyObject* object, PyObject* context)
      : loop_(loop),
        object_(PyRef::borrow(object)),
        started_ns_(loop.debug() ? monotonic_ns() : 0),
        entered_(context) {}
  IoScope(const IoScope&) = delete;
  IoScope& operator=(const IoScope&) = delete;
  ~IoScope() {
    loop_.flushes().run();
    if (started_ns_ != 0 && loop_.debug()) loop_.warn_of_slow_io(object_.get(), started_ns_);
  }

 private:
  EventLoop& loop_;
  const PyRef object_;
  const int64_t started_ns_;
  const EnteredContext entered_;
};

}  // namespace tricorn
