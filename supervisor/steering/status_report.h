// StatusReport: how a server is, at one moment, as `tricorn ctl status` shows it. Plain values;
// pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/steering/json.h"

namespace tricorn {

// One live process: two of a slot while one replaces the other.
struct WorkerStatus {
  uint32_t slot = 0;
  std::optional<int32_t> pid;  // unknown until its zygote has told
  uint32_t generation = 0;
  std::string state;  // "booting", "ready", "retiring", "quitting", "aborted", "killed"
  double age_s = 0;
  uint32_t connections = 0;
  uint32_t requests_active = 0;
  uint64_t requests = 0;
  uint64_t bytes_sent = 0;
  std::optional<uint64_t> rss_bytes;
  std::optional<double> heartbeat_age_s;
  bool operator==(const WorkerStatus&) const = default;
};

struct SlotStatus {
  uint32_t slot = 0;
  uint32_t respawns = 0;             // how often its worker was lost
  std::string last_exit;             // of those: "killed by signal 9 (SIGKILL)"; "" when none was
  std::optional<double> retry_in_s;  // it is empty, and is filled then
  bool operator==(const SlotStatus&) const = default;
};

// The last reload that ended or was refused.
struct ReloadStatus {
  uint32_t generation = 0;  // 0: refused before there was one
  std::string outcome;      // "completed", "aborted", "cancelled", "refused"
  std::string reason;       // "" when it completed
  double age_s = 0;
  bool operator==(const ReloadStatus&) const = default;
};

struct StatusReport {
  std::string version;
  std::string app;
  std::string python;  // "Python 3.11.2, /usr/bin/python3"; "" until a zygote has told
  int32_t pid = 0;     // the master's
  double uptime_s = 0;
  uint32_t generation = 0;  // respawns come from it
  bool reloading = false;
  bool stopping = false;
  bool retired = false;  // all workers were retired by WINCH
  uint32_t workers_wanted = 0;
  uint32_t workers_ready = 0;  // slots with a ready worker
  std::vector<std::string> listeners;
  std::optional<ReloadStatus> last_reload;
  std::vector<SlotStatus> slots;
  std::vector<WorkerStatus> workers;
  bool operator==(const StatusReport&) const = default;

  // Whether clients are served: what a health check asks.
  bool serves() const { return workers_ready > 0 && !stopping; }
};

Json to_json(const StatusReport& report);
// For a server of another version: what is missing is as by default, what is unknown is ignored.
StatusReport status_report_from(const Json& json);

}  // namespace tricorn
