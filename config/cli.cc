// The command line: three sources, merged by precedence, applied through the option table.
#include "config/cli.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "config/arguments.h"
#include "config/foreign_options.h"
#include "config/help.h"
#include "config/option_spec.h"
#include "config/settings.h"
#include "config/sources.h"
#include "config/validate.h"

namespace tricorn {
namespace {

using Shape = OptionValue::Shape;

enum Layer : size_t { kFile, kEnvironment, kArguments, kLayers };  // later ones win
using Layers = std::array<Settings, kLayers>;

// Where to listen is one question with two kinds of answers: --host and --port, or --bind, --uds
// and --fd. The strongest source that answers it decides; only binds of that one source add up.
constexpr std::array<std::string_view, 2> kHostAndPort = {"host", "port"};
constexpr std::array<std::string_view, 3> kBinds = {"bind", "uds", "fd"};

// At the desk a stream that the browser holds open must not keep old code, or Ctrl-C, waiting.
constexpr uint32_t kDrainAtTheDeskMs = 2'000;

const Setting* first_of(const Settings& settings, std::span<const std::string_view> names) {
  for (std::string_view name : names) {
    if (auto found = settings.find(name); found != settings.end()) return &found->second;
  }
  return nullptr;
}

void erase_all(Settings& settings, std::span<const std::string_view> names) {
  for (std::string_view name : names) {
    if (auto found = settings.find(name); found != settings.end()) settings.erase(found);
  }
}

// $PORT comes from a platform that sends traffic there, from outside: gunicorn's rule, host
// 0.0.0.0. It stands back for anybody who says where to bind.
void apply_platform_port(Layers& layers) {
  Settings& environment = layers[kEnvironment];
  auto port = environment.find("port");
  if (port == environment.end() || port->second.origin != "PORT") return;
  auto says = [&](std::span<const std::string_view> names) {
    return std::ranges::any_of(layers,
                               [&](const Settings& layer) { return first_of(layer, names); });
  };
  bool host_known = says(std::span(kHostAndPort).first(1));
  if (says(kBinds)) {
    environment.erase(port);
  } else if (!host_known && !layers[kArguments].contains("port")) {
    environment["host"] = {{"0.0.0.0"}, "PORT"};
  }
}

Result<> settle_binds(Layers& layers) {
  apply_platform_port(layers);
  bool settled = false;
  for (size_t layer = kLayers; layer-- > 0;) {
    Settings& settings = layers[layer];
    if (settled) erase_all(settings, kBinds);
    const Setting* bind = first_of(settings, kBinds);
    const Setting* host = first_of(settings, kHostAndPort);
    if (bind && host) {
      return fail(fmt::format("{} and {} exclude each other: write --bind HOST:PORT", bind->origin,
                              host->origin));
    }
    if (bind) {
      for (size_t weaker = 0; weaker < layer; ++weaker) erase_all(layers[weaker], kHostAndPort);
    }
    settled = settled || bind || host;
  }
  return {};
}

Settings merge(Layers& layers) {
  Settings merged;
  for (Settings& layer : layers) {
    for (auto& [name, setting] : layer) merged[name] = std::move(setting);
  }
  return merged;
}

Result<> refuse_foreign(const Settings& settings, std::vector<std::string>& warnings) {
  for (const auto& [name, setting] : settings) {
    const ForeignOption* option = find_foreign_option(name);
    if (option == nullptr || std::ranges::all_of(setting.values, [&](const auto& value) {
          return option->is_harmless(value);
        })) {
      continue;
    }
    if (!option->hint) {
      return fail(fmt::format("{} is not supported yet{}{}", setting.origin,
                              option->remark.empty() ? "" : ": ", option->remark));
    }
    warnings.push_back(fmt::format("{} has no effect: {}", setting.origin, option->remark));
  }
  return {};
}

Result<> apply(const OptionSpec& option, const Setting& setting, Options& options) {
  std::span<const std::string> values = setting.values;
  if (option.value.shape != Shape::kMany && values.size() > 1) values = values.last(1);
  for (const std::string& value : values) {
    if (auto done = option.value.set(options, value); !done) {
      return fail(fmt::format("{}: {}", setting.origin, done.error().message));
    }
  }
  return {};
}

Result<> apply_all(const Settings& settings, Options& options) {
  for (const OptionGroup& group : option_groups()) {
    for (const OptionSpec& option : group.options) {
      auto setting = settings.find(option.name);
      if (setting == settings.end()) continue;
      if (auto done = apply(option, setting->second, options); !done) return done;
    }
  }
  if (options.reload.enabled && !settings.contains("timeout-graceful-shutdown")) {
    options.drain_timeout_ms = kDrainAtTheDeskMs;
  }
  options.worker.reload = options.reload.enabled;
  options.worker.drain_timeout_ms = options.drain_timeout_ms;  // for workers whose master died
  if (options.binds.empty()) options.binds.push_back({.host = options.host, .port = options.port});
  return {};
}

// --config, else $TRICORN_CONFIG.
Result<Settings> read_file_of(const Settings& arguments, const Environment& environment,
                              std::string& path) {
  if (auto given = arguments.find("config"); given != arguments.end()) {
    path = given->second.values.back();
  } else if (auto variable = environment.find(variable_of("config"));
             variable != environment.end()) {
    path = variable->second;
  }
  return path.empty() ? Settings() : read_file_settings(path);
}

// Values are quoted in messages, and a message is one line.
std::string one_line(std::string_view message) {
  std::string line;
  for (char c : message) {
    auto byte = static_cast<unsigned char>(c);
    line += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return line;
}

Result<ParsedCommand> parse_sources(int argc, const char* const* argv,
                                    const Environment& environment) {
  ParsedCommand command;
  Layers layers;
  auto arguments = read_arguments(argc, argv);
  if (!arguments) return pass_on(arguments);
  for (auto [name, text] : {std::pair{"help", &help_text}, std::pair{"version", &version_text}}) {
    if (!arguments->contains(name)) continue;
    command.action = ParsedCommand::Action::kPrint;
    command.text = text();
    return command;
  }
  if (arguments->contains("check")) command.action = ParsedCommand::Action::kCheck;
  auto file = read_file_of(*arguments, environment, command.options.config_file);
  if (!file) return pass_on(file);
  layers[kFile] = std::move(*file);
  layers[kEnvironment] = read_environment_settings(environment, command.warnings);
  layers[kArguments] = std::move(*arguments);

  Result<> done = settle_binds(layers);
  Settings settings = merge(layers);
  if (done) done = refuse_foreign(settings, command.warnings);
  if (done) done = apply_all(settings, command.options);
  if (done) done = validate(command.options, environment, command.warnings);
  if (!done) return pass_on(done);
  return command;
}

}  // namespace

Environment environment_from(const char* const* variables) {
  Environment environment;
  for (; *variables != nullptr; ++variables) {
    std::string_view variable = *variables;
    size_t equals = variable.find('=');
    if (equals == variable.npos) continue;
    environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

std::vector<std::string> to_strings(const Environment& environment) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) {
    variables.push_back(fmt::format("{}={}", name, value));
  }
  return variables;
}

Result<ParsedCommand> parse_command_line(int argc, const char* const* argv,
                                         const Environment& environment) {
  auto command = parse_sources(argc, argv, environment);
  if (!command) command.error().message = one_line(command.error().message);
  return command;
}

}  // namespace tricorn
