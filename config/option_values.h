// The kinds of values that options take. `field` finds the value's place: [](auto& o) -> auto& {
// return o.port; }
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/text.h"
#include "config/option_spec.h"

namespace tricorn {

std::optional<bool> parse_boolean(std::string_view text);    // true, false, yes, no, on, off, 1, 0
std::optional<uint64_t> parse_count(std::string_view text);  // decimal digits
std::optional<uint64_t> parse_bytes(
    std::string_view text);  // a count, perhaps with K, M or G (of 1024)
std::optional<uint64_t> parse_seconds_ms(std::string_view text);  // "7.5" is 7500
std::string show_seconds(uint64_t milliseconds);                  // "7.5"
std::optional<uint32_t> parse_mode(std::string_view text);        // octal, 0 to 777

template <class Field>
OptionValue text_value(std::string metavar, Field field) {
  auto set = [field](Options& options, const std::string& text) -> Result<> {
    field(options) = text;
    return {};
  };
  return {.metavar = std::move(metavar), .set = set, .show = field};
}

template <class Field>
OptionValue flag_value(Field field, OptionValue::Shape shape = OptionValue::Shape::kFlag) {
  auto set = [field](Options& options, const std::string& text) -> Result<> {
    auto value = parse_boolean(text);
    if (!value) return fail(fmt::format("'{}' is neither true nor false", text));
    field(options) = *value;
    return {};
  };
  auto show = [field, shape](const Options& options) -> std::string {
    if (shape == OptionValue::Shape::kFlag) return "";
    return field(options) ? "on" : "off";
  };
  return {.shape = shape, .set = set, .show = show};
}

template <class Field>
OptionValue switch_value(Field field) {
  return flag_value(field, OptionValue::Shape::kSwitch);
}

struct Range {
  uint64_t least = 0;
  uint64_t most = std::numeric_limits<uint32_t>::max();
  std::string zero = "";  // what 0 means, for --help: "no limit"
};

namespace internal {
template <class Field, class Parse, class Show>
OptionValue number_value(std::string metavar, std::string noun, Field field, Range range,
                         Parse parse, Show show) {
  auto set = [=](Options& options, const std::string& text) -> Result<> {
    auto value = parse(text);
    if (!value || *value < range.least || *value > range.most) {
      return fail(fmt::format("'{}' is not {} from {} to {}", text, noun, show(range.least),
                              show(range.most)));
    }
    field(options) = static_cast<std::remove_reference_t<decltype(field(options))>>(*value);
    return {};
  };
  auto shown = [=](const Options& options) {
    uint64_t value = field(options);
    return value == 0 && !range.zero.empty() ? range.zero : show(value);
  };
  return {.metavar = std::move(metavar), .set = set, .show = shown};
}
inline std::string show_count(uint64_t value) { return fmt::format("{}", value); }
}  // namespace internal

template <class Field>
OptionValue count_value(std::string metavar, Field field, Range range) {
  return internal::number_value(std::move(metavar), "a number", field, range, parse_count,
                                internal::show_count);
}

template <class Field>
OptionValue bytes_value(Field field, Range range) {
  return internal::number_value("BYTES", "a number of bytes", field, range, parse_bytes,
                                internal::show_count);
}

// The field and the range are in milliseconds, what people write and read is in seconds.
template <class Field>
OptionValue seconds_value(Field field, Range range_ms) {
  return internal::number_value("SECONDS", "a number of seconds", field, range_ms, parse_seconds_ms,
                                show_seconds);
}

// Permission bits, an optional field; `shown`: what holds when it is not set.
template <class Field>
OptionValue mode_value(Field field, std::string shown) {
  auto set = [field](Options& options, const std::string& text) -> Result<> {
    auto mode = parse_mode(text);
    if (!mode) return fail(fmt::format("'{}' is not an octal mode from 0 to 777", text));
    field(options) = mode;
    return {};
  };
  return {.metavar = "MODE", .set = set, .show = [shown = std::move(shown)](const Options&) {
            return shown;
          }};
}

template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

// One word out of several; the first spelling of a value is the one shown. Upper case is as good.
template <class T, class Field>
OptionValue choice_value(Choices<T> choices, Field field) {
  std::string words;
  for (const auto& choice : choices) words += (words.empty() ? "" : "|") + choice.first;
  auto set = [=](Options& options, const std::string& text) -> Result<> {
    auto found = std::ranges::find(choices, lowered(text), &std::pair<std::string, T>::first);
    if (found == choices.end()) return fail(fmt::format("'{}' is none of {}", text, words));
    field(options) = found->second;
    return {};
  };
  auto show = [=](const Options& options) {
    auto found = std::ranges::find(choices, field(options), &std::pair<std::string, T>::second);
    return found == choices.end() ? std::string() : found->first;
  };
  return {.metavar = words, .set = set, .show = show};
}

}  // namespace tricorn
