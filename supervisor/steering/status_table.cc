// Laying the table out: each column as wide as its widest cell.
#include "supervisor/steering/status_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace tricorn {
namespace {

struct Column {
  std::string_view title;
  bool to_the_right;
};
constexpr std::array<Column, 11> kColumns{{{"SLOT", true},
                                           {"PID", true},
                                           {"GEN", true},
                                           {"STATE", false},
                                           {"AGE", true},
                                           {"CONN", true},
                                           {"REQUESTS", true},
                                           {"RSS", true},
                                           {"BEAT", true},
                                           {"RESPAWNS", true},
                                           {"LAST EXIT", false}}};
constexpr size_t kStateColumn = 3;
using Row = std::array<std::string, kColumns.size()>;

// "850 ms", "12.3 s", "5 min 02 s", "3 h 07 min", "12 d 04 h"
std::string duration_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", std::max(seconds, 0.0) * 1e3);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<uint64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole / 3600 % 24);
}

std::string mebibytes(uint64_t bytes) { return fmt::format("{} MiB", (bytes + (1 << 19)) >> 20); }

template <class T>
std::string or_dash(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "-";
}

std::string painted(std::string_view text, std::string_view color, bool colored) {
  return colored ? fmt::format("\033[{}m{}\033[0m", color, text) : std::string(text);
}

std::string_view color_of(std::string_view state) {
  if (state == "ready") return "32";
  if (state == "booting" || state == "retiring" || state == "quitting") return "33";
  return "31";
}

const SlotStatus* slot_of(const StatusReport& report, uint32_t slot) {
  const auto found = std::ranges::find(report.slots, slot, &SlotStatus::slot);
  return found == report.slots.end() ? nullptr : &*found;
}

void add_history(Row& row, const SlotStatus* slot) {
  row[9] = slot == nullptr ? "-" : std::to_string(slot->respawns);
  row[10] = slot == nullptr || slot->last_exit.empty() ? "-" : slot->last_exit;
}

Row row_of(const WorkerStatus& worker, const SlotStatus* slot) {
  Row row = {std::to_string(worker.slot),
             or_dash(worker.pid),
             std::to_string(worker.generation),
             worker.state,
             duration_text(worker.age_s),
             std::to_string(worker.connections),
             std::to_string(worker.requests),
             worker.rss_bytes ? mebibytes(*worker.rss_bytes) : "-",
             worker.heartbeat_age_s ? duration_text(*worker.heartbeat_age_s) : "-",
             "",
             ""};
  add_history(row, slot);
  return row;
}

Row row_of_empty(const SlotStatus& slot) {
  Row row;
  row.fill("-");
  row[0] = std::to_string(slot.slot);
  row[kStateColumn] =
      slot.retry_in_s ? "empty, tried in " + duration_text(*slot.retry_in_s) : "empty";
  add_history(row, &slot);
  return row;
}

std::vector<Row> rows_of(const StatusReport& report) {
  std::vector<std::pair<uint32_t, Row>> rows;
  for (const WorkerStatus& worker : report.workers) {
    rows.emplace_back(worker.slot, row_of(worker, slot_of(report, worker.slot)));
  }
  for (const SlotStatus& slot : report.slots) {
    const bool empty =
        std::ranges::none_of(rows, [&](const auto& row) { return row.first == slot.slot; });
    if (empty) rows.emplace_back(slot.slot, row_of_empty(slot));
  }
  std::ranges::stable_sort(rows, {}, &std::pair<uint32_t, Row>::first);
  std::vector<Row> sorted;
  for (auto& [slot, row] : rows) sorted.push_back(std::move(row));
  return sorted;
}

void append_table(std::string& out, const std::vector<Row>& rows, bool colored) {
  std::array<size_t, kColumns.size()> widths{};
  for (size_t i = 0; i < kColumns.size(); ++i) {
    widths[i] = kColumns[i].title.size();
    for (const Row& row : rows) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto cell = [&](size_t i, std::string_view text) {
    if (i + 1 == kColumns.size()) return std::string(text);  // nothing stands behind it
    return kColumns[i].to_the_right ? fmt::format("{:>{}}  ", text, widths[i])
                                    : fmt::format("{:<{}}  ", text, widths[i]);
  };
  std::string titles;
  for (size_t i = 0; i < kColumns.size(); ++i) titles += cell(i, kColumns[i].title);
  out += painted(titles, "2", colored) + "\n";
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns.size(); ++i) {
      const std::string text = cell(i, row[i]);
      out += i == kStateColumn ? painted(text, color_of(row[i]), colored) : text;
    }
    out += '\n';
  }
}

std::string state_of(const StatusReport& report) {
  std::string text =
      fmt::format("{} of {} workers ready", report.workers_ready, report.workers_wanted);
  if (report.stopping) return text + ", stopping";
  if (report.retired) return text + ", retired: a reload or a scale brings them back";
  return report.reloading ? text + ", reloading" : text;
}

std::string last_reload(const ReloadStatus& reload) {
  std::string text = "last reload: ";
  if (reload.generation > 0) text += fmt::format("generation {} ", reload.generation);
  text += fmt::format("{} {} ago", reload.outcome, duration_text(reload.age_s));
  return reload.reason.empty() ? text : text + ": " + reload.reason;
}

}  // namespace

std::string status_table(const StatusReport& report, bool colored) {
  std::string out = fmt::format("{} serves {}: pid {}, up {}, generation {}\n",
                                painted(report.version, "1", colored), report.app, report.pid,
                                duration_text(report.uptime_s), report.generation);
  if (!report.listeners.empty()) {
    out += fmt::format("listening on {}\n", fmt::join(report.listeners, ", "));
  }
  if (!report.python.empty()) out += report.python + "\n";
  out += painted(state_of(report), report.serves() ? "32" : "31", colored) + "\n";
  if (report.last_reload) out += last_reload(*report.last_reload) + "\n";
  out += "\n";
  append_table(out, rows_of(report), colored);
  return out;
}

}  // namespace tricorn
