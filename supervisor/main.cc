// tricorn's master: options, sockets, runner. It never loads Python.
#include <unistd.h>

#include <cstdio>
#include <random>

#include "common/process_title.h"
#include "supervisor/check.h"
#include "supervisor/os/pid_file.h"
#include "supervisor/runner.h"

namespace tricorn {
namespace {

// How this process was started; the command line is kept because the process title overwrites it.
struct Invocation {
  std::vector<std::string> argv;
  Environment environment;
};

PolicyOptions policy_options(const Options& options) {
  return {.workers = options.workers,
          .preload = options.worker.preload,
          .boot_timeout = milliseconds(options.boot_timeout_ms),
          .drain_timeout = milliseconds(options.drain_timeout_ms),
          .shutdown_delay = milliseconds(options.shutdown_delay_ms),
          .max_surge = options.max_surge,
          .worker_lifetime = milliseconds(options.worker_lifetime_ms),
          .exit_on_worker_crash = options.exit_on_worker_crash};
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

Result<int> serve(const Options& options, Invocation& invocation) {
  auto pid_file = options.pid_file.empty() ? PidFile() : PidFile::create(options.pid_file);
  if (!pid_file) return pass_on(pid_file);
  auto notifier = Notifier::take_from(invocation.environment);
  auto sockets = BindSockets::open(options, invocation.environment);
  if (!sockets) return pass_on(sockets);
  auto plan = plan_zygote(options, invocation.environment, sockets->settings());
  if (!plan) return pass_on(plan);
  auto scoreboard = Scoreboard::create();
  if (!scoreboard) return pass_on(scoreboard);

  Runner::Parts parts{.policy = policy_options(options),
                      .jitter_seed = std::random_device{}(),
                      .heartbeat_limit = milliseconds(options.worker.heartbeat_limit_ms),
                      .rss_limit = rss_limit(options),
                      .plan = std::move(*plan)};
  parts.reread_config = [&, listeners = sockets->settings()] {
    return reread_config(invocation.argv, invocation.environment, options, listeners);
  };
  EventLoop loop;
  auto runner =
      Runner::create(loop, *scoreboard, std::move(*sockets), std::move(notifier), std::move(parts));
  if (!runner) return pass_on(runner);
  return (*runner)->run();
}

Result<int> check(const Options& options, const Invocation& invocation) {
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
