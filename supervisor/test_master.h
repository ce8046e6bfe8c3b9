// For tests: a whole master in a child process, with fake zygotes, driven by real signals and
// watched from outside.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "supervisor/fake_zygote.h"
#include "supervisor/runner.h"

namespace tricorn::testing_fakes {

struct MasterSetup {
  PolicyOptions policy;
  std::string app = "ok";
  bool preload = false;
  std::string app_after_reload = "ok";  // "": the configuration has become bad
  std::string cgroup_root = {};
  bool log_to_journal = false;
};

// One line of the journal, split at blanks.
using JournalLine = std::vector<std::string>;

class TestMaster {
 public:
  explicit TestMaster(const MasterSetup& setup) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    journal_.reset(ends[0]);
    // What the master's children outlive must not vanish from our sight.
    EXPECT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      journal_.reset();
      std::exit(be_master(setup, ends[1]));  // the leak checker runs at exit
    }
    ::close(ends[1]);
  }

  ~TestMaster() {
    if (exit_status_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  void signal(int number) { ::kill(pid_, number); }

  // The oldest unread journal line whose first word is `word`. An empty line: none came in time.
  JournalLine await(const std::string& word) {
    for (;;) {
      auto found =
          std::ranges::find_if(lines_, [&](const JournalLine& line) { return line[0] == word; });
      if (found != lines_.end()) {
        JournalLine line = std::move(*found);
        lines_.erase(found);
        return line;
      }
      if (!read_more()) return {};
    }
  }

  // The oldest unread journal line that has this word anywhere, as those of the log do.
  JournalLine await_mention(const std::string& word) {
    for (;;) {
      auto found = std::ranges::find_if(lines_, [&](const JournalLine& line) {
        return std::ranges::find(line, word) != line.end();
      });
      if (found != lines_.end()) {
        JournalLine line = std::move(*found);
        lines_.erase(found);
        return line;
      }
      if (!read_more()) return {};
    }
  }

  // Pids by slot of the next `count` workers that serve: they have said "ready", and the master has
  // answered.
  std::map<std::string, pid_t> await_serving(size_t count) {
    std::map<std::string, pid_t> pids;
    for (size_t i = 0; i < count; ++i) {
      auto ready = await("ready");
      if (ready.size() != 4 || await("listening").empty()) return {};
      pids[ready[1]] = std::stoi(ready[3]);
    }
    return pids;
  }

  // Waits for the master's end, and for the end of everybody who holds the journal: no process may
  // be left.
  int await_exit() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    exit_status_ = status;
    while (read_more()) {
    }
    EXPECT_TRUE(journal_ended_) << "processes were left behind";
    if (WIFSIGNALED(status)) {  // its children have become ours
      while (::waitpid(-1, nullptr, 0) > 0) {
      }
    } else {
      EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left to us";
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  size_t open_descriptors() const {
    std::filesystem::directory_iterator fds("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<size_t>(std::distance(begin(fds), end(fds)));
  }

  // The states ("S", "Z", …) of the master's children.
  std::multiset<std::string> child_states() const {
    std::ifstream list("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) +
                       "/children");
    std::multiset<std::string> states;
    for (std::string child; list >> child;) {
      std::ifstream stat("/proc/" + child + "/stat");
      std::string text;
      std::getline(stat, text);  // empty if it has gone meanwhile
      auto name_end = text.rfind(')');
      if (name_end != std::string::npos) states.insert(text.substr(name_end + 2, 1));
    }
    return states;
  }

 private:
  // Generous: only a broken master waits this long.
  static constexpr int kPatienceMs = 5'000;

  bool read_more() {
    pollfd readable{.fd = journal_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kPatienceMs) != 1) return false;
    char buffer[4096];
    ssize_t size = ::read(journal_.get(), buffer, sizeof buffer);
    journal_ended_ = size == 0;
    if (size <= 0) return false;
    unread_.append(buffer, static_cast<size_t>(size));
    for (size_t end; (end = unread_.find('\n')) != std::string::npos; unread_.erase(0, end + 1)) {
      std::istringstream line(unread_.substr(0, end));
      lines_.push_back({std::istream_iterator<std::string>(line), {}});
    }
    return true;
  }

  static int be_master(const MasterSetup& setup, int journal_fd) {
    if (setup.log_to_journal) ::dup2(journal_fd, STDERR_FILENO);
    start_logging(setup.log_to_journal ? LogLevel::kWarning : LogLevel::kCritical,
                  UseColors::kNever, LogFormat::kText);
    EXPECT_TRUE(block_master_signals());
    auto scoreboard = Scoreboard::create();
    Options options;
    options.binds = {parse_bind_spec("127.0.0.1:0").value()};
    Environment environment;
    auto sockets = BindSockets::open(options, environment);
    Runner::Parts parts{.policy = setup.policy, .jitter_seed = 1};
    parts.cgroup_root = setup.cgroup_root;
    parts.plan.settings.app = setup.app;
    parts.plan.settings.preload = setup.preload;
    parts.plan.settings.log_level = LogLevel::kCritical;
    parts.plan.settings.listeners = sockets->settings();
    parts.launch = [journal_fd](const ZygotePlan& plan, int control_fd) {
      return launch_fake_zygote(plan, control_fd, journal_fd);
    };
    parts.reread_config = [plan = parts.plan, &setup]() mutable -> Result<Reloaded> {
      if (setup.app_after_reload.empty()) return fail("line 3: no such option");
      plan.settings.app = setup.app_after_reload;
      return Reloaded{.plan = plan, .workers = setup.policy.workers, .warnings = {}};
    };
    int code;
    {
      EventLoop loop;
      auto runner =
          Runner::create(loop, *scoreboard, std::move(*sockets), Notifier(), std::move(parts));
      code = (*runner)->run();
    }
    ::close(journal_fd);
    return code;
  }

  pid_t pid_ = 0;
  UniqueFd journal_;
  std::string unread_;  // an unfinished line
  std::list<JournalLine> lines_;
  bool journal_ended_ = false;
  std::optional<int> exit_status_;
};

}  // namespace tricorn::testing_fakes
