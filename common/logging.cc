// The log: spdlog formats, a sink of our own writes, because spdlog's stderr sink blocks on a full
// pipe.
#include "common/logging.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

#include "common/log_output.h"

namespace tricorn {
namespace {

struct LevelLook {
  spdlog::level::level_enum level;
  std::string_view text;  // padded to one width
  std::string_view json;
  std::string_view color;  // ANSI
};

constexpr std::array<LevelLook, 6> kLevels{{
    {spdlog::level::trace, "TRACE", "trace", "\033[2m"},
    {spdlog::level::debug, "DEBUG", "debug", "\033[36m"},
    {spdlog::level::info, "INFO ", "info", "\033[32m"},
    {spdlog::level::warn, "WARN ", "warning", "\033[33m"},
    {spdlog::level::err, "ERROR", "error", "\033[31m"},
    {spdlog::level::critical, "CRIT ", "critical", "\033[1;31m"},
}};
static_assert(kLevels.size() == static_cast<size_t>(LogLevel::kCritical) + 1);

const LevelLook& look_of(spdlog::level::level_enum level) {
  for (const LevelLook& look : kLevels) {
    if (look.level == level) return look;
  }
  return kLevels.back();
}

void append(spdlog::memory_buf_t& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

// Control characters are written as escapes: a client's bytes must not drive somebody's terminal.
// Line breaks stay.
void append_plain(spdlog::memory_buf_t& out, std::string_view text) {
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      out.push_back(c);
    }
  }
}

void append_json_string(spdlog::memory_buf_t& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      append(out, "\\n");
    } else if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

// One line's variable part: level, process and text, in the chosen look.
class TextBody final : public spdlog::custom_flag_formatter {
 public:
  explicit TextBody(bool colored) : colored_(colored) {}
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const LevelLook& look = look_of(line.level);
    if (colored_) append(out, look.color);
    append(out, look.text);
    if (colored_) append(out, "\033[0m");
    out.push_back(' ');
    std::string_view name(line.logger_name.data(), line.logger_name.size());
    if (!name.empty()) {
      append(out, name);
      append(out, ": ");
    }
    append_plain(out, {line.payload.data(), line.payload.size()});
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<TextBody>(colored_);
  }

 private:
  bool colored_;
};

// Of the line that this thread is writing, for JsonBody: spdlog's messages carry a text only.
thread_local std::span<const LogField> line_fields;
thread_local std::string_view line_traceback;

void append_json_field(spdlog::memory_buf_t& out, std::string_view name, std::string_view value) {
  append(out, ",\"");
  append(out, name);
  append(out, "\":");
  append_json_string(out, value);
}

class JsonBody final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& line, const std::tm&,
              spdlog::memory_buf_t& out) override {
    append(out, "\"level\":\"");
    append(out, look_of(line.level).json);
    append(out, "\",\"process\":");
    append_json_string(out, {line.logger_name.data(), line.logger_name.size()});
    append(out, ",\"message\":");
    append_json_string(out, {line.payload.data(), line.payload.size()});
    for (const LogField& field : line_fields) append_json_field(out, field.name, field.value);
    if (!line_traceback.empty()) append_json_field(out, "traceback", line_traceback);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonBody>();
  }
};

std::unique_ptr<spdlog::formatter> make_formatter(LogFormat format, bool colored) {
  auto formatter =
      std::make_unique<spdlog::pattern_formatter>("", spdlog::pattern_time_type::local, "\n");
  if (format == LogFormat::kJson) {
    formatter->add_flag<JsonBody>('*').set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%e%z\",%*}");
  } else {
    formatter->add_flag<TextBody>('*', colored).set_pattern("%Y-%m-%d %H:%M:%S.%e %*");
  }
  return formatter;
}

bool want_colors(UseColors colors) {
  if (colors != UseColors::kAuto) return colors == UseColors::kAlways;
  const char* no_color = std::getenv("NO_COLOR");  // no-color.org: any value but an empty one
  const char* terminal = std::getenv("TERM");
  return (no_color == nullptr || *no_color == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb") && ::isatty(STDERR_FILENO);
}

class OutputSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit OutputSink(int fd) : output_(fd) {}
  uint64_t lost() const { return output_.lost(); }

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    if (!output_.write(formatted(line))) return output_.count_lost();
    uint64_t lost = output_.unreported();
    if (lost == 0) return;
    std::string text =
        fmt::format("{} log lines before this were lost: standard error was full or closed", lost);
    line_fields = {};
    line_traceback = {};
    spdlog::details::log_msg note(line.time, {}, line.logger_name, spdlog::level::warn, text);
    if (output_.write(formatted(note))) output_.reported(lost);
  }
  void flush_() override {}
  std::string_view formatted(const spdlog::details::log_msg& line) {
    buffer_.clear();
    formatter_->format(line, buffer_);
    return {buffer_.data(), buffer_.size()};
  }
  LogOutput output_;
  spdlog::memory_buf_t buffer_;
};

// The process's log. It is global because a log is: everything else is handed what it uses.
struct Log {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  LogFormat format = LogFormat::kText;
  std::string process_name;
  std::shared_ptr<OutputSink> sink;
  std::unique_ptr<spdlog::logger> logger;

  Log() { start(UseColors::kAuto, LogFormat::kText); }
  void start(UseColors colors, LogFormat wanted) {
    format = wanted;
    sink = std::make_shared<OutputSink>(STDERR_FILENO);
    sink->set_formatter(make_formatter(format, format == LogFormat::kText && want_colors(colors)));
    rename();
  }
  void rename() {
    logger = std::make_unique<spdlog::logger>(process_name, sink);
    logger->set_level(spdlog::level::trace);  // log_enabled() decides
    logger->set_error_handler([](const std::string&) {});
  }
};

Log& log() {
  static Log* const kept = new Log;  // never destroyed: something may log while the process exits
  return *kept;
}

}  // namespace

void start_logging(LogLevel level, UseColors colors, LogFormat format) {
  log().level.store(level, std::memory_order_relaxed);
  log().start(colors, format);
}

void set_process_name(std::string name) {
  log().process_name = std::move(name);
  log().rename();
}

bool log_enabled(LogLevel level) { return level >= log().level.load(std::memory_order_relaxed); }

void log_line(LogLevel level, std::string_view text) {
  if (!log_enabled(level)) return;
  while (text.ends_with('\n')) text.remove_suffix(1);
  log().logger->log(kLevels[std::to_underlying(level)].level,
                    spdlog::string_view_t(text.data(), text.size()));
}

void log_event(LogLevel level, std::string_view text, std::span<const LogField> fields,
               std::string_view traceback) {
  if (log().format == LogFormat::kText) {
    const std::string_view line_break = traceback.empty() ? "" : "\n";
    return log_line(level, fmt::format("{}{}{}", text, line_break, traceback));
  }
  line_fields = fields;
  line_traceback = traceback;
  log_line(level, text);
  line_fields = {};
  line_traceback = {};
}

uint64_t lost_log_lines() { return log().sink->lost(); }

}  // namespace tricorn
