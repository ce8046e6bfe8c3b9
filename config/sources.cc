// Reading the environment and the configuration file.
#include "config/sources.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/near_miss.h"
#include "config/config_file.h"
#include "config/foreign_options.h"
#include "config/option_spec.h"
#include "config/read_text.h"

namespace tricorn {
namespace {

using Shape = OptionValue::Shape;

// The options that a variable or a key can set.
std::vector<const OptionSpec*> settable_options() {
  std::vector<const OptionSpec*> options;
  for (const OptionGroup& group : option_groups()) {
    for (const OptionSpec& option : group.options) {
      if (!option.command_line_only) options.push_back(&option);
    }
  }
  return options;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

void warn_of_typing_errors(const Environment& environment, std::vector<std::string>& warnings) {
  const std::string prefix = variable_of("");
  std::vector<std::string> spellings = {"CONFIG"};
  for (const OptionSpec* option : settable_options()) {
    spellings.push_back(variable_of(option->name).substr(prefix.size()));
  }
  std::vector<std::string_view> known(spellings.begin(), spellings.end());
  for (const auto& [variable, value] : environment) {
    if (!variable.starts_with(prefix)) continue;
    std::string_view word = std::string_view(variable).substr(prefix.size());
    if (std::ranges::find(known, word) != known.end()) continue;
    std::string meant(near_miss(word, known));
    if (meant.empty()) continue;
    warnings.push_back(
        fmt::format("unknown variable {}{}", variable, did_you_mean(prefix + meant)));
  }
}

std::unexpected<Error> unknown_key(const std::string& place, const std::string& key) {
  std::vector<std::string_view> known;
  for (const OptionSpec* option : settable_options()) known.push_back(option->name);
  return fail(
      fmt::format("{}: unknown option '{}'{}", place, key, did_you_mean(near_miss(key, known))));
}

}  // namespace

Settings read_environment_settings(const Environment& environment,
                                   std::vector<std::string>& warnings) {
  Settings settings;
  auto take = [&](std::string_view option, const std::string& variable, bool many) {
    auto found = environment.find(variable);
    if (found == environment.end() || found->second.empty() || settings.contains(option)) return;
    auto values = many ? split_lines(found->second) : std::vector{found->second};
    settings[std::string(option)] = {std::move(values), variable};
  };
  for (const OptionSpec* option : settable_options()) {
    bool many = option->value.shape == Shape::kMany;
    take(option->name, variable_of(option->name), many);
    if (!option->variable.empty()) take(option->name, option->variable, many);
  }
  for (const ForeignOption& option : foreign_options())
    take(option.name(), variable_of(option.name()), false);
  warn_of_typing_errors(environment, warnings);
  return settings;
}

Result<Settings> read_file_settings(const std::string& path) {
  if (path.ends_with(".py")) {
    return fail(
        fmt::format("--config: '{}' is a Python file, but the configuration is TOML", path));
  }
  auto text = read_text(path);
  if (!text) return fail("--config: " + text.error().message, text.error().sys_errno);
  auto entries = parse_config_file(*text, path);
  if (!entries) return pass_on(entries);
  Settings settings;
  for (FileEntry& entry : *entries) {
    std::string place = fmt::format("{}:{}", path, entry.line);
    const OptionSpec* option = find_option(entry.key);
    const ForeignOption* foreign = option ? nullptr : find_foreign_option(entry.key);
    if (!foreign && (!option || option->command_line_only)) return unknown_key(place, entry.key);
    if (entry.array && (foreign || option->value.shape != Shape::kMany)) {
      return fail(fmt::format("{}: {} takes one value, not an array", place, entry.key));
    }
    std::string name = option ? option->name : std::string(foreign->name());
    bool added =
        settings.emplace(name, Setting{std::move(entry.values), place + ": " + entry.key}).second;
    if (!added) return fail(fmt::format("{}: '{}' is set twice", place, name));
  }
  return settings;
}

}  // namespace tricorn
