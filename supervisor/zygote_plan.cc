// Options and environment become a plan.
#include "supervisor/zygote_plan.h"

#include "common/access_target.h"
#include "supervisor/os/process_ops.h"

namespace tricorn {

namespace {

// The workers open it for themselves; that they cannot is to be known before any of them runs.
Result<> try_access_log(const WorkerSettings& settings) {
  if (!settings.access_log) return {};
  auto target = parse_access_target(settings.access_log_target);
  if (!target) return pass_on(target);
  if (auto opened = open_access_target(*target); !opened) {
    return fail("--access-logfile: " + opened.error().message);
  }
  return {};
}

}  // namespace

Result<ZygotePlan> plan_zygote(const Options& options, const Environment& environment,
                               std::vector<ListenerSettings> listeners) {
  auto interpreter = find_interpreter(interpreter_search(options.python, environment));
  if (!interpreter) return pass_on(interpreter);
  if (auto tried = try_access_log(options.worker); !tried) return pass_on(tried);
  ZygotePlan plan{
      .interpreter = std::move(*interpreter), .environment = {}, .settings = options.worker};
  plan.settings.listeners = std::move(listeners);
  Environment variables = environment;
  for (const auto& [name, value] : options.app_environment) variables.emplace(name, value);
  plan.environment = to_strings(variables);
  return plan;
}

Result<pid_t> launch_zygote(const ZygotePlan& plan, int control_fd) {
  return start_process(zygote_command(plan.interpreter, control_fd), plan.environment, control_fd);
}

}  // namespace tricorn
