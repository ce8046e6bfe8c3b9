// tricorn's master: options, sockets, runner. It never loads Python.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "common/process_title.h"
#include "supervisor/check.h"
#include "supervisor/code_watch.h"
#include "supervisor/ctl/ctl.h"
#include "supervisor/os/pid_file.h"
#include "supervisor/os/privileges.h"
#include "supervisor/runner.h"
#include "supervisor/successor.h"

namespace tricorn {
namespace {

// How this process was started; the command line is kept because the process title overwrites it.
struct Invocation {
  std::vector<std::string> argv;
  Environment environment;
};

// At the desk the person who saved is the canary, and wants to see the newest code at once: the old
// worker's idle connections are closed.
void suit_the_desk(PolicyOptions& policy) {
  policy.canary_window = Duration::zero();
  policy.waits_for_repair = true;
  policy.newest_reload_wins = true;
  policy.retire_mode = DrainMode::kStop;
}

PolicyOptions policy_options(const Options& options) {
  PolicyOptions policy{.workers = options.workers,
                       .preload = options.worker.preload,
                       .boot_timeout = milliseconds(options.boot_timeout_ms),
                       .drain_timeout = milliseconds(options.drain_timeout_ms),
                       .shutdown_delay = milliseconds(options.shutdown_delay_ms),
                       .max_surge = options.max_surge,
                       .exit_on_worker_crash = options.exit_on_worker_crash,
                       .worker_lifetime = milliseconds(options.worker_lifetime_ms)};
  if (options.reload.enabled) suit_the_desk(policy);
  return policy;
}

RssLimit rss_limit(const Options& options) {
  return {.max_bytes = options.worker_max_rss_bytes,
          .samples = options.rss_samples,
          .sample_interval = milliseconds(options.rss_sample_interval_ms)};
}

void start_log(const ParsedCommand& command) {
  const WorkerSettings& settings = command.options.worker;
  start_logging(settings.log_level, settings.use_colors, settings.log_format);
  for (const auto& warning : command.warnings) log_warning("{}", warning);
}

UpgradeLimits upgrade_limits(const Options& options) {
  auto boot = milliseconds(options.boot_timeout_ms);
  auto drain = milliseconds(options.drain_timeout_ms);
  return {.start = 2 * boot,  // a worker that fails may be tried again
          .undo_window = milliseconds(options.upgrade_undo_window_ms),
          .dismissal = drain + std::chrono::seconds(10)};
}

Result<PidFile> open_pid_file(const std::string& path, Inheritance& inheritance) {
  if (path.empty()) return PidFile();
  if (auto locked = inheritance.take_pid_file(path)) {
    return PidFile::inherit(std::move(locked), path);
  }
  return PidFile::create(path);
}

// What the operating system may refuse comes before anything is made.
Result<> settle_privileges(const Options& options) {
  if (options.umask) ::umask(*options.umask);
  return options.identity ? may_become(*options.identity) : Result<>();
}

Result<int> serve(const Options& options, Invocation& invocation) {
  if (auto settled = settle_privileges(options); !settled) return pass_on(settled);
  auto inheritance = Inheritance::take_from(invocation.environment);
  if (!inheritance) return pass_on(inheritance);
  const Environment started_with = invocation.environment;
  auto pid_file = open_pid_file(options.pid_file, *inheritance);
  if (!pid_file) return pass_on(pid_file);
  auto notifier = Notifier::take_from(invocation.environment);
  auto sockets = BindSockets::open(options, invocation.environment, *inheritance);
  if (!sockets) return pass_on(sockets);
  const bool old_master_has_it = inheritance->control_path() == options.control_socket;
  auto control_socket = open_control_socket(old_master_has_it ? "" : options.control_socket);
  if (!control_socket) return pass_on(control_socket);
  auto plan = plan_zygote(options, invocation.environment, sockets->settings());
  if (!plan) return pass_on(plan);
  auto scoreboard = Scoreboard::create();
  if (!scoreboard) return pass_on(scoreboard);

  Runner::Parts parts{
      .policy = policy_options(options),
      .jitter_seed = std::random_device{}(),
      .heartbeat_limit = milliseconds(options.worker.heartbeat_limit_ms),
      .rss_limit = rss_limit(options),
      .plan = std::move(*plan),
      .control_path = options.control_socket,
      .control_socket = std::move(*control_socket),
      .handover = {
          .pid_file = std::move(*pid_file),
          .inheritance = std::move(*inheritance),
          .launch =
              [&](int link_fd) { return start_successor(invocation.argv, started_with, link_fd); },
          .limits = upgrade_limits(options)}};
  parts.reread_config = [&, listeners = sockets->settings()] {
    return reread_config(invocation.argv, invocation.environment, options, listeners);
  };
  EventLoop loop;
  auto runner =
      Runner::create(loop, *scoreboard, std::move(*sockets), std::move(notifier), std::move(parts));
  if (!runner) return pass_on(runner);
  std::unique_ptr<CodeWatch> watch;
  if (options.reload.enabled) {
    auto watching = CodeWatch::create(loop, options.reload, [&] { (void)(*runner)->reload(); });
    if (!watching) return pass_on(watching);
    watch = std::move(*watching);
  }
  return (*runner)->run();
}

// Who may not become the app's user looks with the rights that there are.
Result<int> check(Options options, const Invocation& invocation) {
  if (auto settled = settle_privileges(options); !settled) {
    log_warning("{}; checked as the current user", settled.error().message);
    options.identity.reset();
  }
  auto plan = plan_zygote(options, invocation.environment, {});
  if (!plan) return pass_on(plan);
  auto scoreboard = Scoreboard::create();
  if (!scoreboard) return pass_on(scoreboard);
  EventLoop loop;
  return run_check(loop, *scoreboard, std::move(*plan), milliseconds(options.boot_timeout_ms));
}

int run(Invocation invocation, const ParsedCommand& command) {
  start_log(command);
  set_process_title("tricorn: master [" + command.options.worker.app + "]");
  auto code = command.action == ParsedCommand::Action::kCheck ? check(command.options, invocation)
                                                              : serve(command.options, invocation);
  if (code) return *code;
  log_error("{}", code.error().message);
  return kExitFailure;
}

}  // namespace
}  // namespace tricorn

int main(int argc, char** argv) {
  using namespace tricorn;
  if (asks_for_ctl(argc, argv)) return run_ctl(argc, argv, environment_from(environ));
  auto blocked = block_master_signals();
  reserve_process_title();
  Invocation invocation{.argv = {argv, argv + argc}, .environment = environment_from(environ)};
  auto command = blocked ? parse_command_line(argc, argv, invocation.environment)
                         : Result<ParsedCommand>(pass_on(blocked));
  if (!command) {
    std::fprintf(stderr, "tricorn: error: %s\n", command.error().message.c_str());
    return kExitUsage;
  }
  if (command->action == ParsedCommand::Action::kPrint) {
    std::fputs(command->text.c_str(), stdout);
    return kExitOk;
  }
  return run(std::move(invocation), *command);
}
