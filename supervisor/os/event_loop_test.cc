// What a timer promises to those who compare its call with their own clock.
#include "supervisor/os/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "common/unique_fd.h"

namespace tricorn {
namespace {

TEST(Timer, IsNeverEarlyWhateverElseWakesTheLoop) {
  EventLoop loop;
  UniqueFd always_readable(::eventfd(1, EFD_CLOEXEC));
  FdWatcher restless(loop, always_readable.get(), [] {});
  TimePoint due;
  int calls = 0;
  Timer timer(loop, [&] {
    ++calls;
    EXPECT_GE(monotonic_now(), due);
    loop.stop();
  });
  for (int round = 0; round < 30; ++round) {
    due = monotonic_now() + milliseconds(3);
    timer.arm(due - monotonic_now());
    loop.run();
  }
  EXPECT_EQ(calls, 30);
}

TEST(Timer, CallsAgainAndAgainUntilItIsDisarmed) {
  EventLoop loop;
  int calls = 0;
  Timer timer(loop, [&] {
    if (++calls == 3) loop.stop();
  });
  timer.every(milliseconds(1));
  loop.run();
  timer.disarm();
  uv_run(loop.raw(), UV_RUN_NOWAIT);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace tricorn
