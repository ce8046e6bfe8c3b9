// For tests: a zygote and workers without Python. They speak the control protocol, fork as the real
// ones do, and write what they do to a journal pipe, one line each: "zygote 1 41", "ready 0 1 42",
// "listening 42", "drain 42", "gone 42".
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include <fmt/format.h>

#include "common/control_message.h"
#include "common/worker_settings.h"
#include "supervisor/zygote_plan.h"

namespace tricorn::testing_fakes {

// What to do differently is in the app's name: "ok", "preload-fails", "start-fails",
// "import-fails", "exits", "hangs-in-boot", "drains-slowly", "zygote-exits", "has-threads".
class FakeZygote {
 public:
  FakeZygote(int control_fd, int journal_fd) : control_(control_fd), journal_(journal_fd) {}

  [[noreturn]] void run() {
    ControlMessage setup = next(control_);
    const WorkerSettings settings = decode_worker_settings(setup.text).value();
    app_ = settings.app;
    if (app_ == "zygote-exits") ::_exit(7);
    write("zygote {}", ::getpid());
    if (app_ == "preload-fails") {
      send(control_, {.type = ControlType::kBootFailed, .value = 4, .text = "no module named x"});
      ::_exit(4);
    }
    if (app_ == "has-threads" && settings.preload) {
      send(control_, {.type = ControlType::kHasThreads, .text = "Thread-1"});
      ::_exit(0);
    }
    send(control_, {.type = ControlType::kZygoteReady, .text = "Python 0.0, /fake/python"});
    for (;;) spawn(next(control_));
  }

 private:
  template <class... Args>
  void write(fmt::format_string<Args...> format, Args&&... args) {
    auto line = fmt::format(format, std::forward<Args>(args)...) + "\n";
    (void)!::write(journal_, line.data(), line.size());
  }

  static void send(int fd, const ControlMessage& message) { (void)send_control(fd, message); }

  // Waits for the next message; ends the process when the peer is gone.
  static ControlMessage next(int fd) {
    for (;;) {
      ControlMessage message{};
      auto status = receive_control(fd, message);
      if (!status || *status == ReceiveStatus::kClosed) ::_exit(0);
      if (*status == ReceiveStatus::kMessage) return message;
      pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
      ::poll(&readable, 1, -1);
    }
  }

  void spawn(ControlMessage order) {
    pid_t intermediate = ::fork();
    if (intermediate == 0) {
      pid_t worker = ::fork();
      if (worker == 0) work(order);
      send(control_, {.type = ControlType::kSpawned, .worker = order.worker, .value = worker});
      ::_exit(0);
    }
    ::waitpid(intermediate, nullptr, 0);
  }

  [[noreturn]] void work(ControlMessage& order) {
    ::close(control_);
    int control = order.fds.at(0).get();
    if (app_ == "exits") ::_exit(9);
    if (app_ == "hangs-in-boot") next(control);
    if (app_ == "start-fails" || app_ == "import-fails") {
      int code = app_ == "start-fails" ? 3 : 4;
      send(control,
           {.type = ControlType::kBootFailed, .value = code, .text = "the database is gone"});
      ::_exit(code);
    }
    write("ready {} {} {}", order.slot, order.generation, ::getpid());
    send(control, {.type = ControlType::kReady});
    for (;;) obey(control, next(control));
  }

  void obey(int control, const ControlMessage& message) {
    if (message.type == ControlType::kListening) return write("listening {}", ::getpid());
    if (message.type == ControlType::kDumpStacks) {
      return send(control, {.type = ControlType::kStacks, .text = "in obey()"});
    }
    if (message.type == ControlType::kReopenLogs) return write("reopen {}", ::getpid());
    if (message.type == ControlType::kDrain && app_ == "drains-slowly")
      return write("draining {}", ::getpid());
    write("{} {}", message.type == ControlType::kDrain ? "drain" : "quit", ::getpid());
    ::_exit(0);
  }

  int control_;
  int journal_;
  std::string app_;
};

// Stands in for launch_zygote(): forks without an exec, so everything but the two descriptors is
// closed by hand.
inline Result<pid_t> launch_fake_zygote(const ZygotePlan&, int control_fd, int journal_fd) {
  pid_t pid = ::fork();
  if (pid != 0) return pid;
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  constexpr int kControl = 100, kJournal = 101;
  ::dup2(control_fd, kControl);
  ::dup2(journal_fd, kJournal);
  ::close_range(3, kControl - 1, 0);
  ::close_range(kJournal + 1, ~0U, 0);
  FakeZygote(kControl, kJournal).run();
}

}  // namespace tricorn::testing_fakes
