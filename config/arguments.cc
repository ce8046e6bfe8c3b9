// argv: every option is declared to CLI11 as text, parsed, and taken out again.
#include "config/arguments.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "common/near_miss.h"
#include "config/foreign_options.h"
#include "config/option_spec.h"

namespace tricorn {
namespace {

using Shape = OptionValue::Shape;

struct Declared {
  std::string name;
  std::string origin;
  CLI::Option* option;
};

// "-b,--bind"; a switch also has "!--no-…", which CLI11 counts as false.
CLI::Option* declare(CLI::App& app, const std::string& names, const std::string& name,
                     Shape shape) {
  if (shape == Shape::kSwitch) return app.add_flag(names + ",!--no-" + name);
  if (shape == Shape::kFlag) return app.add_flag(names);
  CLI::Option* option = app.add_option(names);
  return option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
}

Shape shape_of(const ForeignOption& option) {
  switch (option.shape) {
    case ForeignOption::Shape::kFlag:
      return Shape::kFlag;
    case ForeignOption::Shape::kSwitch:
      return Shape::kSwitch;
    case ForeignOption::Shape::kOne:
      break;
  }
  return Shape::kOne;
}

std::vector<Declared> declare_all(CLI::App& app) {
  std::vector<Declared> declared;
  for (const OptionGroup& group : option_groups()) {
    for (const OptionSpec& spec : group.options) {
      std::string names = spec.positional ? spec.name : "--" + spec.name;
      for (const std::string& alias : spec.aliases) names += "," + alias;
      std::string origin = spec.positional ? "APP" : "--" + spec.name;
      declared.push_back({spec.name, origin, declare(app, names, spec.name, spec.value.shape)});
    }
  }
  for (const ForeignOption& foreign : foreign_options()) {
    std::string name(foreign.name());
    declared.push_back(
        {name, "--" + name, declare(app, std::string(foreign.names), name, shape_of(foreign))});
  }
  return declared;
}

// Long spellings without their dashes, which would count as letters that match.
std::vector<std::string> own_spellings() {
  std::vector<std::string> spellings;
  for (const OptionGroup& group : option_groups()) {
    for (const OptionSpec& spec : group.options) {
      if (!spec.positional) spellings.push_back(spec.name);
      if (spec.value.shape == Shape::kSwitch) spellings.push_back("no-" + spec.name);
      for (const std::string& alias : spec.aliases) {
        if (alias.starts_with("--")) spellings.push_back(alias.substr(2));
      }
    }
  }
  return spellings;
}

std::unexpected<Error> refuse(const std::string& argument) {
  if (!argument.starts_with('-')) return fail(fmt::format("unexpected argument '{}'", argument));
  std::string word = argument.substr(0, argument.find('='));
  std::vector<std::string> spellings = own_spellings();
  std::vector<std::string_view> known(spellings.begin(), spellings.end());
  std::string_view letters =
      std::string_view(word).substr(std::min(word.find_first_not_of('-'), word.size()));
  std::string meant(near_miss(letters, known));
  return fail(
      fmt::format("unknown option {}{}", word, did_you_mean(meant.empty() ? "" : "--" + meant)));
}

// "-workers 4" would be read as "-w orkers" and an app named 4.
const std::string* find_single_dashed(const std::vector<std::string>& arguments) {
  auto found = std::ranges::find_if(arguments, [](const std::string& argument) {
    bool single = argument.starts_with('-') && !argument.starts_with("--");
    std::string_view name = std::string_view(argument).substr(0, argument.find('='));
    return single && name.size() > 2 && find_option(name.substr(1)) != nullptr;
  });
  return found == arguments.end() ? nullptr : &*found;
}

// "--forwarded-allow-ips=" has an empty value, as "--forwarded-allow-ips ''" has; CLI11 would take
// the next argument for it.
std::vector<std::string> with_empty_values(std::vector<std::string> arguments) {
  for (size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string_view word = arguments[i];
    if (!word.starts_with("--") || word.find('=') != word.size() - 1) continue;
    const OptionSpec* option = find_option(word.substr(2, word.size() - 3));
    if (option == nullptr) continue;
    if (option->value.shape == Shape::kFlag || option->value.shape == Shape::kSwitch) continue;
    arguments[i].pop_back();
    arguments.insert(arguments.begin() + static_cast<ptrdiff_t>(++i), std::string());
  }
  return arguments;
}

Result<Settings> parse(CLI::App& app, std::vector<std::string> arguments) {
  if (const std::string* slip = find_single_dashed(arguments)) return refuse(*slip);
  arguments = with_empty_values(std::move(arguments));
  std::vector<Declared> declared = declare_all(app);
  std::ranges::reverse(arguments);  // CLI11 takes them from the back
  app.parse(std::move(arguments));
  std::vector<std::string> extras = app.remaining();
  std::erase(extras, "--");  // the end of options, not one of them
  // An unknown option is named before its value, which looks like a surplus argument.
  auto first =
      std::ranges::find_if(extras, [](const auto& extra) { return extra.starts_with('-'); });
  if (first != extras.end()) return refuse(*first);
  if (!extras.empty()) return refuse(extras.front());
  Settings settings;
  for (const Declared& entry : declared) {
    if (entry.option->count() > 0) settings[entry.name] = {entry.option->results(), entry.origin};
  }
  return settings;
}

}  // namespace

Result<Settings> read_arguments(int argc, const char* const* argv) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  try {
    return parse(app, std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const CLI::ArgumentMismatch& error) {  // "--port: 1 required TEXT missing"
    std::string what = error.what();
    return fail(fmt::format("{}: a value is missing", what.substr(0, what.find(':'))));
  } catch (const CLI::Error& error) {
    return fail(error.what());
  }
}

}  // namespace tricorn
