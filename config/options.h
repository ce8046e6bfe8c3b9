// Options: everything a user can set, resolved and checked, as plain values. Made by
// parse_command_line().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/worker_settings.h"
#include "config/bind_spec.h"
#include "config/identity.h"

namespace tricorn {

// --reload: which folders are watched, and which of their files count.
struct ReloadOptions {
  bool enabled = false;
  std::vector<std::string> folders;   // absolute and never empty once parsed
  std::vector<std::string> includes;  // glob patterns, beside the defaults of ReloadFilter
  std::vector<std::string> excludes;
  uint32_t delay_ms = 250;
  bool operator==(const ReloadOptions&) const = default;
};

struct Options {
  // Sockets. Never empty once parsed: --host and --port make one bind where nothing else was asked
  // for.
  std::vector<BindSpec> binds;
  std::string host = "127.0.0.1";
  uint16_t port = 8000;
  std::optional<uint32_t> uds_permissions;  // mode bits of unix sockets; nullopt: as the umask says
  uint32_t backlog = 2048;                  // connections that wait in the kernel, per socket
  bool reuse_port = false;                  // several sockets per TCP address, see ListenSocket

  // Workers and their supervision.
  uint32_t workers = 1;
  uint32_t boot_timeout_ms = 60'000;  // a worker that is not ready by then is killed
  uint32_t drain_timeout_ms =
      30'000;                      // what requests in progress get at a stop, reload or replacement
  uint32_t shutdown_delay_ms = 0;  // serving goes on after the request to stop
  uint32_t upgrade_undo_window_ms = 300'000;  // the old master stays so long after an upgrade
  bool exit_on_worker_crash = false;          // the server stops, for whoever watches it to see
  uint32_t max_surge = 1;                     // slots whose worker is being replaced at once
  uint64_t worker_lifetime_ms = 0;            // a worker is replaced after it; 0: never
  uint64_t worker_max_rss_bytes = 0;          // a worker that holds more is replaced; 0: no limit
  uint32_t rss_samples = 3;                   // in a row above it
  uint32_t rss_sample_interval_ms = 10'000;
  ReloadOptions reload;
  WorkerSettings worker;  // its `listeners` stay empty: the master knows them once it has bound

  // Whom zygotes and workers run as, and where. The master stays what it is.
  std::string user;                  // as given; "": as the master
  std::string group;                 // likewise
  std::optional<Identity> identity;  // what both mean
  std::optional<uint32_t> umask;  // of the master, too; nullopt: the one that it was started with
  std::string chdir;              // "": the master's folder

  // The zygote.
  std::string python;  // interpreter; "": the one whose environment holds tricorn, then
                       // $VIRTUAL_ENV's, then python3
  std::vector<std::pair<std::string, std::string>>
      app_environment;  // --env-file; variables already set win

  std::string pid_file;        // "": none
  std::string control_socket;  // absolute; "": none
  std::string config_file;     // the file that was read; "": none

  bool operator==(const Options&) const = default;
};

}  // namespace tricorn
