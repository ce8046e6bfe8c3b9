// UvLoop and UvHandle: handles are freed by the loop that they lived in; what we rely on in libuv.
#include "worker/uv/uv_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "worker/uv/handle.h"

namespace tricorn {
namespace {

TEST(UvLoop, ClosesWhenEveryHandleHasBeenClosed) {
  UvLoop loop;
  ASSERT_EQ(loop.open(), 0);
  {
    UvHandle<uv_timer_t> timer;
    ASSERT_EQ(timer.open(nullptr, [&](uv_timer_t* t) { return uv_timer_init(loop.get(), t); }), 0);
  }
  EXPECT_TRUE(loop.close()) << "the close callback was still due";
  EXPECT_TRUE(loop.close()) << "closing is idempotent";
}

TEST(UvLoop, SaysWhenAHandleIsStillOpen) {
  UvHandle<uv_timer_t> timer;
  UvLoop loop;
  ASSERT_EQ(loop.open(), 0);
  uv_loop_t* raw = loop.get();
  ASSERT_EQ(timer.open(nullptr, [&](uv_timer_t* t) { return uv_timer_init(raw, t); }), 0);
  EXPECT_FALSE(loop.close());
  timer.close();  // the loop is still in memory: clean up behind the test
  uv_run(raw, UV_RUN_NOWAIT);
  EXPECT_EQ(uv_loop_close(raw), 0);
  delete raw;
}

// The loop sleeps outside of uv_run and must know when descriptors are not yet in libuv's epoll
// set.
TEST(UvLoop, BackendTimeoutIsZeroWhileWatchersAreUnregistered) {
  UvLoop loop;
  ASSERT_EQ(loop.open(), 0);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    UvHandle<uv_poll_t> poll;
    ASSERT_EQ(
        poll.open(nullptr, [&](uv_poll_t* p) { return uv_poll_init(loop.get(), p, ends[0]); }), 0);
    uv_poll_start(poll.get(), UV_READABLE, [](uv_poll_t*, int, int) {});
    EXPECT_EQ(uv_backend_timeout(loop.get()), 0);
    uv_run(loop.get(), UV_RUN_NOWAIT);
    EXPECT_EQ(uv_backend_timeout(loop.get()), -1);
  }
  EXPECT_TRUE(loop.close());
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace tricorn
