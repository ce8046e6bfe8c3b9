// UvLoop: see the header.
#include "worker/uv/uv_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

namespace tricorn {

int UvLoop::open() {
  auto loop = std::make_unique<uv_loop_t>();
  if (int error = uv_loop_init(loop.get()); error < 0) {
    // Some versions of libuv leave it open. Only an epoll set can be waited in.
    epoll_event none;
    const int set = loop->backend_fd;
    if (set >= 0 && ::epoll_wait(set, &none, 1, 0) >= 0) ::close(set);
    return error;
  }
  loop_ = std::move(loop);
  return 0;
}

bool UvLoop::close() {
  if (!loop_) return true;
  // One turn runs every close callback that is due; those may close more handles, hence a second.
  int error = uv_loop_close(loop_.get());
  for (int turn = 0; turn < 2 && error == UV_EBUSY; ++turn) {
    uv_run(loop_.get(), UV_RUN_NOWAIT);
    error = uv_loop_close(loop_.get());
  }
  if (error == UV_EBUSY) {
    (void)loop_.release();  // left to the open handles, which still point into it
    return false;
  }
  loop_.reset();
  return true;
}

}  // namespace tricorn
