// Answers in words.
#include "supervisor/ctl/output.h"

#include <fmt/format.h>

#include "supervisor/steering/status_report.h"
#include "supervisor/steering/status_table.h"

namespace tricorn {
namespace {

using Command = SteeringRequest::Command;

// What an app wrote must not drive a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool harmless = (byte >= 0x20 && byte != 0x7F) || c == '\n' || c == '\t';
    out += harmless ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return out;
}

std::string text_of(const Json& json) { return json.string() ? printable(*json.string()) : ""; }

std::string with_line_end(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

std::string count_of_workers(int64_t workers) {
  return workers == 1 ? "1 worker" : fmt::format("{} workers", workers);
}

std::string reload_text(bool waited, const Json& answer) {
  const int64_t generation = answer["generation"].integer().value_or(0);
  if (waited) {
    return fmt::format("reloaded: generation {} serves with {}\n", generation,
                       count_of_workers(answer["workers"].integer().value_or(0)));
  }
  if (answer["queued"].boolean().value_or(false)) {
    return fmt::format("reloading after the reload in progress: to generation {}\n", generation);
  }
  return fmt::format("reloading: to generation {}\n", generation);
}

std::string stacks_text(const Json& answer, bool colored) {
  const Json::Array* workers = answer["workers"].array();
  if (workers == nullptr || workers->empty()) return "no workers\n";
  std::string out;
  for (const Json& worker : *workers) {
    const std::string title = fmt::format(
        "worker {} (pid {}) of generation {}", worker["slot"].integer().value_or(0),
        worker["pid"].integer().value_or(0), worker["generation"].integer().value_or(0));
    out += (out.empty() ? "" : "\n") + (colored ? "\033[1m" + title + "\033[0m" : title) + "\n";
    out += worker["stacks"].null() ? "no answer\n" : with_line_end(text_of(worker["stacks"]));
  }
  return out;
}

}  // namespace

std::string text_of(const SteeringRequest& request, const Json& answer, bool colored) {
  switch (request.command) {
    case Command::kStatus:
      return status_table(status_report_from(answer["status"]), colored);
    case Command::kReload:
      return reload_text(request.wait, answer);
    case Command::kScale:
      return fmt::format("{}: {}\n", request.wait ? "scaled" : "scaling",
                         count_of_workers(request.workers));
    case Command::kReopenLogs:
      return "workers reopen their logs\n";
    case Command::kStop:
      return request.wait ? "stopped\n" : "stopping\n";
    case Command::kDumpStacks:
      break;
  }
  return stacks_text(answer, colored);
}

std::string failure_text(const Json& answer) {
  std::string text = text_of(answer["message"]);
  if (text.empty()) text = "the server gives no reason";
  const std::string traceback = text_of(answer["traceback"]);
  return with_line_end(traceback.empty() ? text : text + "\n" + traceback);
}

}  // namespace tricorn
