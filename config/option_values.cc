// Reading booleans, numbers, sizes and seconds.
#include "config/option_values.h"

#include <charconv>
#include <cmath>

namespace tricorn {

std::optional<bool> parse_boolean(std::string_view text) {
  for (std::string_view word : {"true", "yes", "on", "1"}) {
    if (text == word) return true;
  }
  for (std::string_view word : {"false", "no", "off", "0"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::optional<uint64_t> parse_count(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kUnits = "KMG";
  size_t unit =
      text.empty() ? kUnits.npos : kUnits.find(static_cast<char>(std::toupper(text.back())));
  if (unit == kUnits.npos) return parse_count(text);
  auto value = parse_count(text.substr(0, text.size() - 1));
  uint64_t factor = uint64_t{1} << (10 * (unit + 1));
  if (!value || *value > std::numeric_limits<uint64_t>::max() / factor) return std::nullopt;
  return *value * factor;
}

std::optional<uint64_t> parse_seconds_ms(std::string_view text) {
  double value = 0;
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!(value >= 0) || value > 1e12) return std::nullopt;  // NaN is neither
  return static_cast<uint64_t>(std::llround(value * 1000));
}

std::string show_seconds(uint64_t milliseconds) {
  return fmt::format("{}", static_cast<double>(milliseconds) / 1000);
}

std::optional<uint32_t> parse_mode(std::string_view text) {
  constexpr uint32_t kMost = 0777;
  uint32_t mode = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > kMost) return std::nullopt;
  return mode;
}

}  // namespace tricorn
