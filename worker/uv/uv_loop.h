// UvLoop: owns one libuv loop.
//
// The loop lives on the heap: if handles are still open at close(), which is a bug of their owners,
// it is left in memory instead of being freed under them.
#pragma once

#include <uv.h>

#include <memory>

namespace tricorn {

class UvLoop {
 public:
  UvLoop() = default;
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;
  ~UvLoop() { close(); }

  // Returns libuv's negative errno, or 0.
  int open();
  // Runs the close callbacks that are due and frees the loop. Idempotent. False: handles were open.
  bool close();

  uv_loop_t* get() const { return loop_.get(); }

 private:
  std::unique_ptr<uv_loop_t> loop_;
};

}  // namespace tricorn
