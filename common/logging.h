// The log: spdlog's only door. One line per event to standard error, in colour on a terminal, plain
// in a pipe.
//
//   log_info("worker {} (pid {}) ready", slot, pid);
//
// "2026-11-22 12:00:00.123 INFO  worker 0 (pid 42) ready", prefixed by the process's name after
// set_process_name(). Writes never throw and never wait: with nobody reading standard error, lines
// are lost and counted, and a line says how many once there is room again. The level is checked
// before anything is formatted. start_logging() and set_process_name() belong to the main thread,
// while no other one logs; log_line() is any thread's.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tricorn {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kCritical };

enum class UseColors : uint8_t { kAuto, kAlways, kNever };

enum class LogFormat : uint8_t { kText, kJson };

void start_logging(LogLevel level, UseColors colors, LogFormat format);
// Shown in every line: "master", "zygote gen 1", "worker 0". Call again after a fork.
void set_process_name(std::string name);
bool log_enabled(LogLevel level);
// `text` may hold several lines (a traceback): they are written as one record.
void log_line(LogLevel level, std::string_view text);
// One event with what belongs to it. Text: `text`, and the traceback (may be "") below it. JSON:
// one object in which `text` is the message, with the fields and "traceback" beside it.
struct LogField {
  std::string_view name;  // as JSON takes it
  std::string_view value;
};
void log_event(LogLevel level, std::string_view text, std::span<const LogField> fields,
               std::string_view traceback);
// Lines that nobody could take since start_logging().
uint64_t lost_log_lines();

template <class... Args>
void log_at(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) log_line(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kWarning, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_at(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace tricorn
