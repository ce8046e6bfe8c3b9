// posix_spawn, waitpid and the pidfd calls (by number: older C libraries have no wrapper).
#include "supervisor/os/process_ops.h"

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "common/syscall.h"

namespace tricorn {
namespace {

// What the child inherits. Both objects only hold memory; destroying them cannot fail.
class SpawnPlan {
 public:
  explicit SpawnPlan(int inherited_fd) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, inherited_fd, inherited_fd);  // clears CLOEXEC
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// As exec wants them: valid while `strings` live, ended by a null pointer, and never written
// through.
std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const auto& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<> become_subreaper() {
  auto done = sys("prctl", "PR_SET_CHILD_SUBREAPER",
                  [] { return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); });
  if (!done) return pass_on(done);
  return {};
}

Result<pid_t> start_process(const std::vector<std::string>& argv,
                            const std::vector<std::string>& environment, int inherited_fd) {
  auto arguments = pointers_to(argv);
  auto variables = pointers_to(environment);
  SpawnPlan plan(inherited_fd);
  pid_t pid = 0;
  int error = ::posix_spawn(&pid, arguments[0], plan.actions(), plan.attributes(), arguments.data(),
                            variables.data());
  if (error != 0) return fail(describe_errno("start", argv[0], error), error);
  return pid;
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
