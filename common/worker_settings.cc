// WorkerSettings as text and back. Each field is named once, in for_each_field; encoder and decoder
// both walk that list.
#include "common/worker_settings.h"

#include <fmt/core.h>

#include <charconv>
#include <concepts>
#include <map>
#include <type_traits>

namespace tricorn {
namespace {

// Calls visit(key, field) for every field of WorkerSettings, const or not.
template <class Settings, class Visit>
void for_each_field(Settings& settings, Visit&& visit) {
  visit("app", settings.app);
  visit("app_dir", settings.app_dir);
  visit("factory", settings.factory);
  visit("preload", settings.preload);
  visit("reload", settings.reload);
  visit("interface", settings.interface);
  visit("threads", settings.threads);
  visit("lifespan", settings.lifespan);
  visit("root_path", settings.root_path);
  visit("readiness_path", settings.readiness_path);
  visit("pathsend", settings.pathsend);
  visit("http.keep_alive_timeout_ms", settings.http.keep_alive_timeout_ms);
  visit("http.header_timeout_ms", settings.http.header_timeout_ms);
  visit("http.body_timeout_ms", settings.http.body_timeout_ms);
  visit("http.max_header_bytes", settings.http.max_header_bytes);
  visit("http.max_target_bytes", settings.http.max_target_bytes);
  visit("http.max_headers", settings.http.max_headers);
  visit("http.max_body_bytes", settings.http.max_body_bytes);
  visit("http.body_high_water_bytes", settings.http.body_high_water_bytes);
  visit("http.write_high_water_bytes", settings.http.write_high_water_bytes);
  visit("http.server_header", settings.http.server_header);
  visit("http.date_header", settings.http.date_header);
  visit("http.extra_headers", settings.http.extra_headers);
  visit("http.websocket.enabled", settings.http.websocket.enabled);
  visit("http.websocket.max_message_bytes", settings.http.websocket.max_message_bytes);
  visit("http.websocket.max_queue", settings.http.websocket.max_queue);
  visit("http.websocket.ping_interval_ms", settings.http.websocket.ping_interval_ms);
  visit("http.websocket.ping_timeout_ms", settings.http.websocket.ping_timeout_ms);
  visit("http.websocket.deflate.enabled", settings.http.websocket.deflate.enabled);
  visit("http.websocket.deflate.threshold_bytes", settings.http.websocket.deflate.threshold_bytes);
  visit("http.websocket.deflate.window_bits", settings.http.websocket.deflate.window_bits);
  visit("http.websocket.deflate.context_takeover",
        settings.http.websocket.deflate.context_takeover);
  visit("proxy.headers", settings.proxy.headers);
  visit("proxy.fields", settings.proxy.fields);
  visit("proxy.trusted", settings.proxy.trusted);
  visit("proxy.protocol", settings.proxy.protocol);
  visit("proxy.protocol_sources", settings.proxy.protocol_sources);
  visit("limit_concurrency", settings.limit_concurrency);
  visit("limit_max_requests", settings.limit_max_requests);
  visit("limit_max_requests_jitter", settings.limit_max_requests_jitter);
  visit("drain_timeout_ms", settings.drain_timeout_ms);
  visit("heartbeat_limit_ms", settings.heartbeat_limit_ms);
  visit("log_level", settings.log_level);
  visit("use_colors", settings.use_colors);
  visit("log_format", settings.log_format);
  visit("access_log", settings.access_log);
  visit("access_log_format", settings.access_log_format);
  visit("access_log_target", settings.access_log_target);
  visit("listeners", settings.listeners);
}

// The last value of each enum that travels as a number.
constexpr Interface last_value(Interface) { return Interface::kWsgi; }
constexpr LifespanMode last_value(LifespanMode) { return LifespanMode::kOff; }
constexpr LogLevel last_value(LogLevel) { return LogLevel::kCritical; }
constexpr UseColors last_value(UseColors) { return UseColors::kNever; }
constexpr LogFormat last_value(LogFormat) { return LogFormat::kJson; }
constexpr ProxyProtocol last_value(ProxyProtocol) { return ProxyProtocol::kAuto; }
constexpr ListenerKind last_value(ListenerKind) { return ListenerKind::kUnix; }

template <class T>
concept Enum = std::is_enum_v<T>;

// --- to text

// Everything that separates fields, list elements and their parts is escaped.
std::string to_text(const std::string& value) {
  std::string out;
  for (unsigned char byte : value) {
    bool plain = byte > ' ' && byte < 0x7F && byte != '%' && byte != ',' && byte != '=';
    if (plain) {
      out += static_cast<char>(byte);
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

std::string to_text(std::integral auto value) { return fmt::format("{}", +value); }

std::string to_text(Enum auto value) { return to_text(std::to_underlying(value)); }

std::string to_text(const std::pair<std::string, std::string>& value) {
  return fmt::format("{}={}", to_text(value.first), to_text(value.second));
}

std::string to_text(const ListenerSettings& value) {
  return fmt::format("{}={}={}={}", to_text(value.kind), to_text(value.part), to_text(value.parts),
                     to_text(value.name));
}

template <class T>
std::string to_text(const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) {
    if (!out.empty()) out += ',';
    out += to_text(value);
  }
  return out;
}

// --- from text; each returns whether `text` was well-formed

template <std::integral T>
bool from_text(std::string_view text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool from_text(std::string_view text, bool& value) {
  value = text == "1";
  return value || text == "0";
}

bool from_text(std::string_view text, Enum auto& value) {
  std::underlying_type_t<std::remove_reference_t<decltype(value)>> number{};
  if (!from_text(text, number) || number > std::to_underlying(last_value(value))) return false;
  value = static_cast<std::remove_reference_t<decltype(value)>>(number);
  return true;
}

bool from_text(std::string_view text, std::string& value) {
  value.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      value += text[i];
      continue;
    }
    std::string_view digits = text.substr(i + 1, 2);
    unsigned char byte = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc() || end != digits.data() + 2) return false;
    value += static_cast<char>(byte);
    i += 2;
  }
  return true;
}

// "first=rest", and the rest likewise.
template <class First, class... Rest>
bool parts_from_text(std::string_view text, First& first, Rest&... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return from_text(text, first);
  } else {
    size_t middle = text.find('=');
    return middle != text.npos && from_text(text.substr(0, middle), first) &&
           parts_from_text(text.substr(middle + 1), rest...);
  }
}

bool from_text(std::string_view text, std::pair<std::string, std::string>& value) {
  return parts_from_text(text, value.first, value.second);
}

bool from_text(std::string_view text, ListenerSettings& value) {
  return parts_from_text(text, value.kind, value.part, value.parts, value.name) &&
         value.part < value.parts;
}

template <class T>
bool from_text(std::string_view text, std::vector<T>& values) {
  values.clear();
  while (!text.empty()) {
    size_t comma = text.find(',');
    if (!from_text(text.substr(0, comma), values.emplace_back())) return false;
    if (comma == text.npos) return true;
    text.remove_prefix(comma + 1);
    if (text.empty()) return false;  // nothing after a comma
  }
  return true;
}

using Lines = std::map<std::string_view, std::string_view>;

Result<Lines> split_lines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    size_t equals = line.find('=');
    if (end == text.npos || equals == line.npos) {
      return fail(fmt::format("worker settings: malformed line '{}'", line));
    }
    if (!lines.emplace(line.substr(0, equals), line.substr(equals + 1)).second) {
      return fail(fmt::format("worker settings: '{}' twice", line.substr(0, equals)));
    }
    text.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

std::string encode(const WorkerSettings& settings) {
  std::string out;
  for_each_field(settings, [&](std::string_view key, const auto& field) {
    out += fmt::format("{}={}\n", key, to_text(field));
  });
  return out;
}

Result<WorkerSettings> decode_worker_settings(std::string_view text) {
  auto lines = split_lines(text);
  if (!lines) return pass_on(lines);
  WorkerSettings settings;
  std::string fault;
  for_each_field(settings, [&](std::string_view key, auto& field) {
    auto line = lines->extract(key);
    if (line.empty()) {
      fault = fmt::format("'{}' is missing", key);
    } else if (!from_text(line.mapped(), field)) {
      fault = fmt::format("'{}' has the malformed value '{}'", key, line.mapped());
    }
  });
  if (!lines->empty()) fault = fmt::format("'{}' is unknown", lines->begin()->first);
  if (!fault.empty()) return fail(fmt::format("worker settings: {}", fault));
  return settings;
}

}  // namespace tricorn
