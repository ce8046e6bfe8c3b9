// ctl's own command line: options may stand anywhere, each belongs to some commands.
#include "supervisor/ctl/command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/near_miss.h"
#include "config/option_values.h"
#include "config/paths.h"
#include "config/sources.h"

namespace tricorn {
namespace {

using Command = SteeringRequest::Command;

constexpr auto kPatience = std::chrono::seconds(10);  // for an answer that does not wait

// What the words say, before it is checked.
struct Words {
  std::optional<std::string> command, argument;
  std::optional<std::string> socket_path, config, timeout;
  bool help = false, json = false, wait = false, fast = false, ready = false;
};

struct CtlOption {
  std::string_view name;
  std::optional<std::string> Words::* value = nullptr;  // it takes one
  bool Words::* flag = nullptr;
  std::string_view commands = "";  // that it belongs to; "": all
};

constexpr std::array<CtlOption, 8> kOptions{{
    {.name = "--control-socket", .value = &Words::socket_path},
    {.name = "--config", .value = &Words::config},
    {.name = "--timeout", .value = &Words::timeout},
    {.name = "--json", .flag = &Words::json},
    {.name = "--help", .flag = &Words::help},
    {.name = "--wait", .flag = &Words::wait, .commands = "reload scale stop"},
    {.name = "--fast", .flag = &Words::fast, .commands = "stop"},
    {.name = "--ready", .flag = &Words::ready, .commands = "status"},
}};

std::string_view long_name(std::string_view name) {
  if (name == "-h") return "--help";
  if (name == "-c") return "--config";
  return name;
}

Result<const CtlOption*> find_ctl_option(std::string_view name) {
  const auto found = std::ranges::find(kOptions, long_name(name), &CtlOption::name);
  if (found != kOptions.end()) return found;
  std::vector<std::string_view> known;
  for (const CtlOption& option : kOptions) known.push_back(option.name);
  return fail(fmt::format("unknown option {}{}", name, did_you_mean(near_miss(name, known))));
}

Result<> take_option(Words& out, const std::vector<std::string>& words, size_t& at) {
  const std::string_view word = words[at];
  const size_t equals = word.find('=');
  auto option = find_ctl_option(word.substr(0, equals));
  if (!option) return pass_on(option);
  if ((*option)->flag != nullptr) {
    if (equals != word.npos) return fail(fmt::format("{}: it takes no value", (*option)->name));
    out.*(*option)->flag = true;
    return {};
  }
  if (equals != word.npos) {
    out.*(*option)->value = std::string(word.substr(equals + 1));
  } else if (at + 1 < words.size()) {
    out.*(*option)->value = words[++at];
  } else {
    return fail(fmt::format("{}: a value is missing", (*option)->name));
  }
  return {};
}

Result<Words> read_words(const std::vector<std::string>& words) {
  Words out;
  for (size_t at = 0; at < words.size(); ++at) {
    if (words[at].starts_with('-')) {
      if (auto taken = take_option(out, words, at); !taken) return pass_on(taken);
    } else if (!out.command) {
      out.command = words[at];
    } else if (!out.argument) {
      out.argument = words[at];
    } else {
      return fail(fmt::format("unexpected argument '{}'", words[at]));
    }
  }
  return out;
}

Result<Command> find_command(const Words& words) {
  const auto names = steering_commands();
  if (!words.command)
    return fail(fmt::format("no command given: one of {}", fmt::join(names, ", ")));
  const auto found = std::ranges::find(names, *words.command);
  if (found != names.end()) return static_cast<Command>(found - names.begin());
  return fail(fmt::format("unknown command '{}'{}", *words.command,
                          did_you_mean(near_miss(*words.command, names))));
}

Result<> check_options(const Words& words, Command command) {
  for (const CtlOption& option : kOptions) {
    if (option.flag == nullptr || !(words.*option.flag) || option.commands.empty()) continue;
    if (!option.commands.contains(name_of(command))) {
      return fail(fmt::format("{} is for {} only", option.name, option.commands));
    }
  }
  return {};
}

Result<uint32_t> read_workers(const Words& words) {
  const auto count = parse_count(words.argument.value_or(""));
  if (count && *count >= 1 && *count <= SteeringRequest::kMostWorkers) {
    return static_cast<uint32_t>(*count);
  }
  return fail(fmt::format("scale: '{}' is not a number of workers from 1 to {}",
                          words.argument.value_or(""), SteeringRequest::kMostWorkers));
}

bool settled(const std::string& path) { return path.starts_with('/'); }

// As the server finds it: the command line, then the environment, then the file; from the server's
// --chdir if it is named there. A path on our own command line counts from where we are.
Result<std::string> find_socket(const Words& words, const Environment& environment) {
  const auto variable = [&](const char* option) {
    const auto found = environment.find(variable_of(option));
    return found == environment.end() ? std::string() : found->second;
  };
  if (words.socket_path) return *words.socket_path;
  std::string path = variable("control-socket");
  std::string folder = variable("chdir");
  const std::string config = words.config.value_or(variable("config"));
  if (path.empty() && config.empty()) {
    return fail(
        "which server? Name its control socket by --control-socket PATH, TRICORN_CONTROL_SOCKET or "
        "--config FILE");
  }
  if (!settled(path) && !config.empty()) {
    auto settings = read_file_settings(config);
    if (!settings) return pass_on(settings);
    const auto complete = [&](std::string& value, const char* option) {
      const auto found = settings->find(option);
      if (value.empty() && found != settings->end()) value = found->second.values.back();
    };
    complete(path, "control-socket");
    complete(folder, "chdir");
    if (path.empty()) return fail(fmt::format("'{}' names no control-socket", config));
  }
  return in_folder(folder, path);
}

}  // namespace

Result<CtlCommand> parse_ctl_command(const std::vector<std::string>& words,
                                     const Environment& environment) {
  auto read = read_words(words);
  if (!read) return pass_on(read);
  if (read->help) return CtlCommand{.help = true};
  auto command = find_command(*read);
  if (!command) return pass_on(command);
  if (auto checked = check_options(*read, *command); !checked) return pass_on(checked);
  CtlCommand out{
      .request = {.command = *command, .wait = read->wait, .fast = read->fast, .workers = 0},
      .json = read->json,
      .must_serve = read->ready,
      .patience = read->wait ? std::optional<Duration>() : kPatience};
  if (*command == Command::kScale) {
    auto workers = read_workers(*read);
    if (!workers) return pass_on(workers);
    out.request.workers = *workers;
  } else if (read->argument) {
    return fail(fmt::format("unexpected argument '{}'", *read->argument));
  }
  if (read->timeout) {
    auto timeout_ms = parse_seconds_ms(*read->timeout);
    if (!timeout_ms || *timeout_ms == 0) {
      return fail(fmt::format("--timeout: '{}' is no number of seconds above 0", *read->timeout));
    }
    out.patience = milliseconds(static_cast<int64_t>(*timeout_ms));
  }
  auto path = find_socket(*read, environment);
  if (!path) return pass_on(path);
  out.socket_path = std::move(*path);
  return out;
}

std::string ctl_help() {
  return R"(Usage: tricorn ctl [OPTIONS] COMMAND

Steers a running tricorn that was started with --control-socket.

Commands:
  status                    Show the server and its workers.
  reload                    Load code and configuration anew, as HUP does.
  scale N                   Serve with N workers, whatever there were.
  reopen-logs               Open log files anew after a rotation, as USR1 does.
  stop                      Finish open requests, then exit, as TERM does.
  dump-stacks               Show where each worker's Python threads are, without stopping them.

Options of commands:
  --wait                    reload, scale, stop: return when it is done, and fail when it fails.
  --fast                    stop: cancel open requests, as QUIT does.
  --ready                   status: fail unless a worker is ready and the server does not stop.

Options:
  --control-socket PATH     The server's control socket. [env: TRICORN_CONTROL_SOCKET]
  -c, --config PATH         The server's configuration file, which names its control socket.
                            [env: TRICORN_CONFIG]
  --timeout SECONDS         Give up when there is no answer by then. [default: 10; with --wait: none]
  --json                    Print the server's answer as one JSON object.
  -h, --help                Show this text.

Exit codes:
  0  done                                       2  wrong usage
  1  not done: standard error says why          3  no server there, or it ended before it answered
                                                4  no answer in time
)";
}

}  // namespace tricorn
