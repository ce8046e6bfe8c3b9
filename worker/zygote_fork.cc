// The double fork: see the header.
#include "worker/zygote_fork.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/control_message.h"
#include "common/orphan_guard.h"
#include "common/syscall.h"
#include "worker/python/py_ref.h"
#include "worker/restartable_sequences.h"

namespace tricorn {
namespace {

// Between the forks nothing runs but this: no Python, no allocation that matters. The intermediate
// runs in the zygote's memory.
[[noreturn]] void end_intermediate(int control_fd, uint64_t worker, pid_t pid) {
  bool told =
      pid > 0 &&
      send_control(control_fd, {.type = ControlType::kSpawned, .worker = worker, .value = pid});
  if (pid > 0 && !told) kill(pid, SIGKILL);  // nobody would know it
  if (pid < 0) {  // told from here, for the status is lost where the app ignores SIGCHLD
    (void)send_control(control_fd,
                       {.type = ControlType::kSpawnFailed, .worker = worker, .value = errno});
  }
  _exit(told ? 0 : 1);
}

// `intermediate`: asked for by itself. Our parent may be somebody else already, and for ever.
void wait_for_master(pid_t intermediate, pid_t master) {
  while (getppid() == intermediate) {
    timespec pause{.tv_sec = 0, .tv_nsec = 50'000};
    nanosleep(&pause, nullptr);
  }
  if (!end_with_parent(master)) _exit(0);
}

// Not inlined: what it keeps on the stack must not lie in the frame that the zygote comes back to.
[[gnu::noinline]] void become_worker(int control_fd, uint64_t worker, pid_t master) {
  const pid_t intermediate = getpid();
  pid_t pid = fork();
  if (pid != 0) end_intermediate(control_fd, worker, pid);
  restore_restartable_sequences();
  wait_for_master(intermediate, master);
}

}  // namespace

Result<ForkedAs> fork_worker(int control_fd, uint64_t worker, pid_t master) {
  PyOS_BeforeFork();
  // A fork copies the page tables and an exit frees them, 4 to 5 ms each for a FastAPI app: the
  // intermediate borrows the zygote's. The zygote (it has no other thread) stands still meanwhile;
  // its fork handlers run once, in the fork below, the parent's in the intermediate.
  pid_t intermediate = vfork();  // NOLINT(bugprone-unsafe-functions)
  if (intermediate == 0) {
    become_worker(control_fd, worker, master);  // the worker returns: with memory of its own
    PyOS_AfterFork_Child();
    return ForkedAs::kWorker;
  }
  int fork_errno = errno;
  PyOS_AfterFork_Parent();
  if (intermediate < 0) return fail(describe_errno("fork", "a worker", fork_errno), fork_errno);

  int status = 0;
  auto reaped =
      sys("waitpid", "the intermediate", [&] { return waitpid(intermediate, &status, 0); });
  // A preloaded app ignores SIGCHLD: the kernel reaped it, and its status is lost.
  if (!reaped && reaped.error().sys_errno == ECHILD) return ForkedAs::kZygote;
  if (!reaped) return pass_on(reaped);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail("fork a worker: the intermediate process failed", EAGAIN);
  }
  return ForkedAs::kZygote;
}

}  // namespace tricorn
