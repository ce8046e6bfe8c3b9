// Checks across options.
#include "config/validate.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "common/access_target.h"

namespace tricorn {
namespace {

namespace fs = std::filesystem;

// The current folder by the name that the shell knows: a link stays a link, so that a reload finds
// what it points to by then ("current" → the newest release).
fs::path current_folder(const Environment& environment) {
  std::error_code ignored;
  auto pwd = environment.find("PWD");
  bool usable = pwd != environment.end() && pwd->second.starts_with('/') &&
                fs::equivalent(pwd->second, ".", ignored);
  return usable ? fs::path(pwd->second) : fs::current_path(ignored);
}

Result<> resolve_app_dir(Options& options, const Environment& environment) {
  fs::path folder = (current_folder(environment) / options.worker.app_dir).lexically_normal();
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return fail(fmt::format("--app-dir: '{}' is not a folder", options.worker.app_dir));
  }
  std::string path = folder.string();
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  options.worker.app_dir = path;
  return {};
}

Result<> resolve_reload_folders(Options& options, const Environment& environment) {
  for (std::string& folder : options.reload.folders) {
    fs::path path = (current_folder(environment) / folder).lexically_normal();
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      return fail(fmt::format("--reload-dir: '{}' is not a folder", folder));
    }
    folder = path.string();
    if (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  }
  if (options.reload.folders.empty()) options.reload.folders = {options.worker.app_dir};
  return {};
}

// The workers open it too, and an app may change their folder.
void settle_access_log(Options& options, const Environment& environment) {
  WorkerSettings& worker = options.worker;
  if (worker.access_log_format.empty()) {
    worker.access_log_format = worker.log_format == LogFormat::kJson ? "json" : "default";
  }
  auto target = parse_access_target(worker.access_log_target);
  if (!target || target->kind != AccessTarget::Kind::kFile) return;
  target->place = (current_folder(environment) / target->place).lexically_normal().string();
  worker.access_log_target = to_string(*target);
}

Result<> check_binds(const Options& options) {
  std::set<std::string> seen;
  for (const BindSpec& bind : options.binds) {
    bool chosen_by_kernel = bind.kind == BindSpec::Kind::kTcp && bind.port == 0;
    if (!chosen_by_kernel && !seen.insert(to_string(bind)).second) {
      return fail(fmt::format("--bind: '{}' is there twice", to_string(bind)));
    }
  }
  return {};
}

}  // namespace

Result<> validate(Options& options, const Environment& environment,
                  std::vector<std::string>& warnings) {
  if (options.worker.app.empty()) {
    return fail("no app given: name it as module:attribute, for example tricorn main:app");
  }
  if (auto done = resolve_app_dir(options, environment); !done) return done;
  const bool reload_is_described = !options.reload.folders.empty() ||
                                   !options.reload.includes.empty() ||
                                   !options.reload.excludes.empty();
  if (reload_is_described && !options.reload.enabled) {
    warnings.push_back(
        "--reload-dir, --reload-include and --reload-exclude have no effect without --reload");
  }
  if (auto done = resolve_reload_folders(options, environment); !done) return done;
  if (auto done = check_binds(options); !done) return done;
  settle_access_log(options, environment);
  auto has = [&](BindSpec::Kind kind) {
    return std::ranges::find(options.binds, kind, &BindSpec::kind) != options.binds.end();
  };
  if (options.reuse_port && !has(BindSpec::Kind::kTcp)) {
    warnings.push_back("--reuse-port has no effect: no TCP address is bound");
  }
  bool has_unix = has(BindSpec::Kind::kUnix);
  if (options.uds_permissions && !has_unix) {
    warnings.push_back("--uds-permissions has no effect: no unix socket is bound");
  }
  if (options.worker.limit_max_requests_jitter > 0 && options.worker.limit_max_requests == 0) {
    warnings.push_back("--limit-max-requests-jitter has no effect without --limit-max-requests");
  }
  bool takes_asgi =
      options.worker.interface != Interface::kAuto && options.worker.interface != Interface::kWsgi;
  if (takes_asgi && options.worker.threads != WorkerSettings{}.threads) {
    warnings.push_back("--threads has no effect: an ASGI app runs in the worker's one thread");
  }
  const ProxySettings& proxy = options.worker.proxy;
  if (proxy.protocol == ProxyProtocol::kOff &&
      proxy.protocol_sources != ProxySettings().protocol_sources) {
    warnings.push_back("--proxy-allow-from has no effect without --proxy-protocol");
  }
  return {};
}

}  // namespace tricorn
