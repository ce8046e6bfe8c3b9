// fork and exec, waitpid and the pidfd calls (by number: older C libraries have no wrapper).
//
// Not posix_spawn: it cannot change the user. What it does well is done here too: the child reports
// through a pipe, which the exec closes, why it did not come to be its program.
#include "supervisor/os/process_ops.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "common/orphan_guard.h"
#include "common/syscall.h"
#include "supervisor/os/privileges.h"

namespace tricorn {
namespace {

// As exec wants them: valid while `strings` live, ended by a null pointer, and never written
// through.
std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const auto& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// All that the child needs, made before the fork: behind it nothing may be allocated.
struct Program {
  std::vector<char*> arguments;
  std::vector<char*> variables;
  int inherited_fd;
  const ChildSetup& setup;
  pid_t parent;
};

// Why a child did not become its program. `call` points into memory that parent and child share.
struct ChildFailure {
  enum class Step { kBecome, kFolder, kExec } step;
  const char* call;
  int sys_errno;
};

void reset_signals() {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &by_default, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// In the child. Only what is async-signal-safe; returns only when it failed.
ChildFailure become_program(const Program& program) {
  using Step = ChildFailure::Step;
  const ChildSetup& setup = program.setup;
  reset_signals();
  if (program.inherited_fd >= 0) ::fcntl(program.inherited_fd, F_SETFD, 0);
  if (setup.identity != nullptr) {
    if (const char* call = become(*setup.identity)) return {Step::kBecome, call, errno};
  }
  if (setup.ends_with_us && !end_with_parent(program.parent)) ::_exit(0);
  if (setup.folder != nullptr && ::chdir(setup.folder) != 0) {
    return {Step::kFolder, "chdir", errno};
  }
  ::execve(program.arguments[0], program.arguments.data(), program.variables.data());
  return {Step::kExec, "execve", errno};
}

[[noreturn]] void run_child(const Program& program, int report_fd) {
  ChildFailure failure = become_program(program);
  (void)!::write(report_fd, &failure, sizeof failure);
  ::_exit(127);
}

std::string describe(const ChildFailure& failure, const Program& program) {
  const Identity* identity = program.setup.identity;
  const std::string whose = identity ? " as " + identity->name() : "";
  switch (failure.step) {
    case ChildFailure::Step::kBecome:
      return describe_errno("become", identity->name() + ": " + failure.call, failure.sys_errno);
    case ChildFailure::Step::kFolder:
      return describe_errno("enter", program.setup.folder + whose, failure.sys_errno);
    case ChildFailure::Step::kExec:
      break;
  }
  return describe_errno("start", program.arguments[0] + whose, failure.sys_errno);
}

}  // namespace

Result<> become_subreaper() {
  auto done = sys("prctl", "PR_SET_CHILD_SUBREAPER",
                  [] { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); });
  if (!done) return pass_on(done);
  return {};
}

Result<pid_t> start_process(const std::vector<std::string>& argv,
                            const std::vector<std::string>& environment, int inherited_fd,
                            const ChildSetup& setup) {
  int ends[2];
  auto made = sys("pipe", "", [&] { return ::pipe2(ends, O_CLOEXEC); });
  if (!made) return pass_on(made);
  UniqueFd report(ends[0]), report_end(ends[1]);
  const Program program{.arguments = pointers_to(argv),
                        .variables = pointers_to(environment),
                        .inherited_fd = inherited_fd,
                        .setup = setup,
                        .parent = ::getpid()};
  auto pid = sys("fork", argv[0], [] { return ::fork(); });
  if (!pid) return pass_on(pid);
  if (*pid == 0) run_child(program, report_end.get());
  report_end.reset();
  ChildFailure failure;
  auto got = sys("read", "", [&] { return ::read(report.get(), &failure, sizeof failure); });
  if (!got || *got != sizeof failure) return *pid;  // the exec closed the pipe, or a signal did
  (void)sys("waitpid", "", [&] { return ::waitpid(*pid, nullptr, 0); });
  return fail(describe(failure, program), failure.sys_errno);
}

std::optional<ReapedChild> reap_child() {
  int status = 0;
  pid_t pid = ::waitpid(-1, &status, WNOHANG);
  if (pid <= 0) return std::nullopt;
  if (WIFSIGNALED(status)) return ReapedChild{.pid = pid, .code = 0, .signal = WTERMSIG(status)};
  return ReapedChild{.pid = pid, .code = WEXITSTATUS(status), .signal = 0};
}

Result<UniqueFd> open_pidfd(pid_t pid) {
  auto fd = sys("pidfd_open", std::to_string(pid),
                [&] { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); });
  if (!fd) return pass_on(fd);
  return UniqueFd(*fd);
}

Result<> signal_process(const UniqueFd& pidfd, int signal) {
  auto sent = sys("pidfd_send_signal", "signal " + std::to_string(signal), [&] {
    return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
  });
  if (!sent && sent.error().sys_errno != ESRCH) return pass_on(sent);
  return {};
}

}  // namespace tricorn
