// signalfd. A stop request and the exits that it causes thus never interrupt each other.
#include "supervisor/os/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>
#include <csignal>

#include "common/syscall.h"

namespace tricorn {
namespace {

constexpr int kMasterSignals[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,   SIGUSR1,
                                  SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH, SIGCHLD};

sigset_t master_signal_set() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : kMasterSignals) sigaddset(&set, signal);
  return set;
}

}  // namespace

std::span<const int> master_signals() { return kMasterSignals; }

Result<> block_master_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set = master_signal_set();
  auto blocked = sys("sigprocmask", "", [&] { return ::sigprocmask(SIG_BLOCK, &set, nullptr); });
  if (!blocked) return pass_on(blocked);
  return {};
}

Result<std::unique_ptr<SignalSource>> SignalSource::create(EventLoop& loop,
                                                           std::function<void(int)> on_signal) {
  sigset_t set = master_signal_set();
  auto fd = sys("signalfd", "", [&] { return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK); });
  if (!fd) return pass_on(fd);
  return std::unique_ptr<SignalSource>(new SignalSource(loop, UniqueFd(*fd), std::move(on_signal)));
}

SignalSource::SignalSource(EventLoop& loop, UniqueFd fd, std::function<void(int)> on_signal)
    : fd_(std::move(fd)),
      on_signal_(std::move(on_signal)),
      watcher_(loop, fd_.get(), [this] { read_all(); }) {}

void SignalSource::read_all() {
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace tricorn
