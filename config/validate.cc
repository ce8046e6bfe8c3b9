// Checks across options.
#include "config/validate.h"

#include <fmt/core.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "common/access_target.h"
#include "config/paths.h"

namespace tricorn {
namespace {

namespace fs = std::filesystem;

// `path` as given in the option `name`, made absolute; it has to be a folder.
Result<std::string> folder_at(const char* name, const fs::path& base, const std::string& given) {
  std::string path = (base / given).lexically_normal().string();
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    return fail(fmt::format("--{}: '{}' is not a folder", name, given));
  }
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// Where relative paths count from: --chdir if there is one.
Result<std::string> settle_base(Options& options, const fs::path& current) {
  if (options.chdir.empty()) return current.string();
  auto folder = folder_at("chdir", current, options.chdir);
  if (folder) options.chdir = *folder;
  return folder;
}

// The folders come out absolute: the interpreter runs in another one than the master, perhaps.
Result<> settle_folders(Options& options, const std::string& base) {
  auto folder = folder_at("app-dir", base, options.worker.app_dir);
  if (!folder) return pass_on(folder);
  options.worker.app_dir = *folder;
  for (std::string& given : options.reload.folders) {
    folder = folder_at("reload-dir", base, given);
    if (!folder) return pass_on(folder);
    given = std::move(*folder);
  }
  if (options.reload.folders.empty()) options.reload.folders = {options.worker.app_dir};
  return {};
}

// The master does not go there itself. Without --chdir they stay as they were written.
void count_paths_from_chdir(Options& options) {
  options.pid_file = in_folder(options.chdir, options.pid_file);
  bool is_path = options.python.find('/') != std::string::npos;
  if (is_path) options.python = in_folder(options.chdir, options.python);
  for (BindSpec& bind : options.binds) {
    bool is_file = bind.kind == BindSpec::Kind::kUnix && !bind.path.starts_with('@');
    if (is_file) bind.path = in_folder(options.chdir, bind.path);
  }
}

// The workers open it too, and an app may change their folder.
void settle_access_log(Options& options, const std::string& base) {
  WorkerSettings& worker = options.worker;
  if (worker.access_log_format.empty()) {
    worker.access_log_format = worker.log_format == LogFormat::kJson ? "json" : "default";
  }
  auto target = parse_access_target(worker.access_log_target);
  if (!target || target->kind != AccessTarget::Kind::kFile) return;
  target->place = in_folder(base, target->place);
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

// Its place is the same for every reader of the options, whatever folder an app is in.
Result<> settle_control_socket(Options& options, const std::string& base) {
  std::string& path = options.control_socket;
  if (path.empty()) return {};
  if (path.starts_with('@')) {
    return fail("--control-socket: an abstract socket has no permissions; name a file");
  }
  path = in_folder(base, path);
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kLongest) {
    return fail(fmt::format("--control-socket: '{}' is longer than {} bytes", path, kLongest));
  }
  const bool bound = std::ranges::any_of(options.binds, [&](const BindSpec& bind) {
    return bind.kind == BindSpec::Kind::kUnix && in_folder(base, bind.path) == path;
  });
  if (bound) return fail(fmt::format("--control-socket: '{}' is there as --bind, too", path));
  return {};
}

}  // namespace

Result<> validate(Options& options, const Environment& environment,
                  std::vector<std::string>& warnings) {
  if (options.worker.app.empty()) {
    return fail("no app given: name it as module:attribute, for example tricorn main:app");
  }
  const bool reload_is_described = !options.reload.folders.empty() ||
                                   !options.reload.includes.empty() ||
                                   !options.reload.excludes.empty();
  if (reload_is_described && !options.reload.enabled) {
    warnings.push_back(
        "--reload-dir, --reload-include and --reload-exclude have no effect without --reload");
  }
  auto base = settle_base(options, current_folder(environment));
  if (!base) return pass_on(base);
  if (auto done = settle_folders(options, *base); !done) return done;
  count_paths_from_chdir(options);
  if (auto done = check_binds(options); !done) return done;
  if (auto done = settle_control_socket(options, *base); !done) return done;
  settle_access_log(options, *base);
  auto identity = resolve_identity(options.user, options.group);
  if (!identity) return pass_on(identity);
  options.identity = std::move(*identity);
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
