// OptionSpec: one option as data: its names, what --help says, and how a value gets into Options.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "config/options.h"

namespace tricorn {

// What a value may be; made by the functions in option_values.h.
struct OptionValue {
  enum class Shape : uint8_t {
    kFlag,    // --factory
    kSwitch,  // --access-log, --no-access-log
    kOne,     // --port 80; the last one counts
    kMany,    // --bind a --bind b
  };
  Shape shape = Shape::kOne;
  std::string metavar;  // "SECONDS"
  // Checks `text` and puts it into Options. Its Error goes on after "--option: ".
  std::function<Result<>(Options&, const std::string& text)> set;
  // The default, for --help: applied to a fresh Options. "" or unset: there is nothing to say.
  std::function<std::string(const Options&)> show;
};

struct OptionSpec {
  std::string name;  // "timeout-keep-alive": --timeout-keep-alive, TRICORN_TIMEOUT_KEEP_ALIVE, the
                     // file's key
  std::vector<std::string> aliases;  // further spellings, with dashes: "-b", "--keep-alive"
  OptionValue value;
  std::string help;
  std::string variable;            // a variable of others that is honoured too: "PORT"
  bool positional = false;         // APP
  bool command_line_only = false;  // --help, --config
};

struct OptionGroup {
  std::string title;
  std::vector<OptionSpec> options;
};

// All options, in the order of --help.
std::span<const OptionGroup> option_groups();
// By name or long alias, without dashes, "_" taken for "-". nullptr: there is none.
const OptionSpec* find_option(std::string_view name);
// "TRICORN_TIMEOUT_KEEP_ALIVE"
std::string variable_of(std::string_view option_name);

// One file each.
OptionGroup application_options();
OptionGroup socket_options();
OptionGroup worker_options();
OptionGroup reload_options();
OptionGroup http_options();
OptionGroup websocket_options();
OptionGroup proxy_options();
OptionGroup limit_options();
OptionGroup logging_options();
OptionGroup privilege_options();
OptionGroup other_options();

}  // namespace tricorn
