// The names of the figures in JSON: scripts rely on them (docs/control.md).
#include "supervisor/steering/status_report.h"

#include <cmath>
#include <utility>

namespace tricorn {
namespace {

// Milliseconds are enough.
double rounded(double seconds) { return std::round(seconds * 1e3) / 1e3; }
std::optional<double> rounded(std::optional<double> seconds) {
  return seconds ? std::optional(rounded(*seconds)) : std::nullopt;
}

Json to_json(const WorkerStatus& worker) {
  return Json::Object{{"slot", worker.slot},
                      {"pid", worker.pid},
                      {"generation", worker.generation},
                      {"state", worker.state},
                      {"age_s", rounded(worker.age_s)},
                      {"connections", worker.connections},
                      {"requests_active", worker.requests_active},
                      {"requests", worker.requests},
                      {"bytes_sent", worker.bytes_sent},
                      {"rss_bytes", worker.rss_bytes},
                      {"heartbeat_age_s", rounded(worker.heartbeat_age_s)}};
}

Json to_json(const SlotStatus& slot) {
  return Json::Object{{"slot", slot.slot},
                      {"respawns", slot.respawns},
                      {"last_exit", slot.last_exit},
                      {"retry_in_s", rounded(slot.retry_in_s)}};
}

Json to_json(const ReloadStatus& reload) {
  return Json::Object{{"generation", reload.generation},
                      {"outcome", reload.outcome},
                      {"reason", reload.reason},
                      {"age_s", rounded(reload.age_s)}};
}

template <class T>
Json to_array(const std::vector<T>& values) {
  Json::Array array;
  for (const T& value : values) array.push_back(to_json(value));
  return array;
}

void read(const Json& json, WorkerStatus& worker);
void read(const Json& json, SlotStatus& slot);
void read(const Json& json, ReloadStatus& reload);

void read(const Json& json, std::string& out) {
  if (const auto* text = json.string()) out = *text;
}
void read(const Json& json, bool& out) { out = json.boolean().value_or(out); }
void read(const Json& json, double& out) { out = json.number().value_or(out); }
template <std::integral T>
void read(const Json& json, T& out) {
  if (auto value = json.integer(); value && std::in_range<T>(*value)) out = static_cast<T>(*value);
}
template <class T>
void read(const Json& json, std::optional<T>& out) {
  if (!json.null()) read(json, out.emplace());
}
template <class T>
void read(const Json& json, std::vector<T>& out) {
  if (json.array() == nullptr) return;
  for (const Json& value : *json.array()) read(value, out.emplace_back());
}

void read(const Json& json, WorkerStatus& worker) {
  read(json["slot"], worker.slot);
  read(json["pid"], worker.pid);
  read(json["generation"], worker.generation);
  read(json["state"], worker.state);
  read(json["age_s"], worker.age_s);
  read(json["connections"], worker.connections);
  read(json["requests_active"], worker.requests_active);
  read(json["requests"], worker.requests);
  read(json["bytes_sent"], worker.bytes_sent);
  read(json["rss_bytes"], worker.rss_bytes);
  read(json["heartbeat_age_s"], worker.heartbeat_age_s);
}

void read(const Json& json, SlotStatus& slot) {
  read(json["slot"], slot.slot);
  read(json["respawns"], slot.respawns);
  read(json["last_exit"], slot.last_exit);
  read(json["retry_in_s"], slot.retry_in_s);
}

void read(const Json& json, ReloadStatus& reload) {
  read(json["generation"], reload.generation);
  read(json["outcome"], reload.outcome);
  read(json["reason"], reload.reason);
  read(json["age_s"], reload.age_s);
}

}  // namespace

Json to_json(const StatusReport& report) {
  Json::Array listeners(report.listeners.begin(), report.listeners.end());
  return Json::Object{{"version", report.version},
                      {"app", report.app},
                      {"python", report.python},
                      {"pid", report.pid},
                      {"uptime_s", rounded(report.uptime_s)},
                      {"generation", report.generation},
                      {"reloading", report.reloading},
                      {"stopping", report.stopping},
                      {"retired", report.retired},
                      {"workers_wanted", report.workers_wanted},
                      {"workers_ready", report.workers_ready},
                      {"listeners", std::move(listeners)},
                      {"last_reload", report.last_reload ? to_json(*report.last_reload) : Json()},
                      {"slots", to_array(report.slots)},
                      {"workers", to_array(report.workers)}};
}

StatusReport status_report_from(const Json& json) {
  StatusReport report;
  read(json["version"], report.version);
  read(json["app"], report.app);
  read(json["python"], report.python);
  read(json["pid"], report.pid);
  read(json["uptime_s"], report.uptime_s);
  read(json["generation"], report.generation);
  read(json["reloading"], report.reloading);
  read(json["stopping"], report.stopping);
  read(json["retired"], report.retired);
  read(json["workers_wanted"], report.workers_wanted);
  read(json["workers_ready"], report.workers_ready);
  read(json["listeners"], report.listeners);
  read(json["last_reload"], report.last_reload);
  read(json["slots"], report.slots);
  read(json["workers"], report.workers);
  return report;
}

}  // namespace tricorn
