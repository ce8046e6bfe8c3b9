// Options and environment become a plan.
#include "supervisor/zygote_plan.h"

#include <unistd.h>

#include "common/access_target.h"
#include "supervisor/os/privileges.h"
#include "supervisor/os/process_ops.h"

namespace tricorn {

namespace {

// The workers open it for themselves; that they cannot is to be known before any of them runs. The
// file is made with their rights, too: root would make one that only root can open.
Result<> try_access_log(const WorkerSettings& settings, const std::optional<Identity>& identity) {
  if (!settings.access_log) return {};
  auto target = parse_access_target(settings.access_log_target);
  if (!target) return pass_on(target);
  auto try_open = [&]() -> Result<> {
    auto opened = open_access_target(*target);
    if (!opened) return pass_on(opened);
    return {};
  };
  auto tried = identity ? run_as(*identity, try_open) : try_open();
  if (!tried) return fail("--access-logfile: " + tried.error().message);
  return {};
}

// As after a login: whoever looks for a home finds the user's own. An --env-file may say otherwise.
void describe_user(Environment& variables, const Identity& identity) {
  variables.emplace("HOME", identity.home.empty() ? "/" : identity.home);
  if (identity.user.empty()) return;
  variables.emplace("USER", identity.user);
  variables.emplace("LOGNAME", identity.user);
}

std::vector<std::string> environment_of_app(const Options& options, Environment variables) {
  const bool changes_user = options.identity && options.identity->uid != ::geteuid();
  if (changes_user) {
    for (const char* name : {"HOME", "USER", "LOGNAME"}) variables.erase(name);
  }
  for (const auto& [name, value] : options.app_environment) variables.emplace(name, value);
  if (changes_user) describe_user(variables, *options.identity);
  if (!options.chdir.empty()) variables["PWD"] = options.chdir;
  return to_strings(variables);
}

}  // namespace

Result<ZygotePlan> plan_zygote(const Options& options, const Environment& environment,
                               std::vector<ListenerSettings> listeners) {
  auto interpreter = find_interpreter(interpreter_search(options.python, environment));
  if (!interpreter) return pass_on(interpreter);
  if (auto tried = try_access_log(options.worker, options.identity); !tried) return pass_on(tried);
  ZygotePlan plan{.interpreter = std::move(*interpreter),
                  .environment = environment_of_app(options, environment),
                  .identity = options.identity,
                  .folder = options.chdir,
                  .settings = options.worker};
  plan.settings.listeners = std::move(listeners);
  return plan;
}

Result<pid_t> launch_zygote(const ZygotePlan& plan, int control_fd) {
  const ChildSetup setup{.identity = plan.identity ? &*plan.identity : nullptr,
                         .ends_with_us = true,
                         .folder = plan.folder.empty() ? nullptr : plan.folder.c_str()};
  return start_process(zygote_command(plan.interpreter, control_fd), plan.environment, control_fd,
                       setup);
}

}  // namespace tricorn
