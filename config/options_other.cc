// Options of group "Other": the command itself.
#include "config/option_values.h"

namespace tricorn {
namespace {

// Handled by parse_command_line(), which looks for them before anything is set.
OptionValue command_flag() {
  auto set = [](Options&, const std::string&) -> Result<> { return {}; };
  return {.shape = OptionValue::Shape::kFlag, .set = set};
}

}  // namespace

OptionGroup other_options() {
  return {"Other",
          {
              {.name = "config",
               .aliases = {"-c"},
               .value = text_value("PATH", [](auto& o) -> auto& { return o.config_file; }),
               .help = "TOML file of options, by their long names: workers = 4. The environment "
                       "and the command "
                       "line go before it.",
               .command_line_only = true},
              {.name = "pid-file",
               .aliases = {"-p", "--pid"},
               .value = text_value("PATH", [](auto& o) -> auto& { return o.pid_file; }),
               .help = "Write the master's process id there."},
              {.name = "control-socket",
               .value = text_value("PATH", [](auto& o) -> auto& { return o.control_socket; }),
               .help = "Unix socket, of the server's user alone, over which tricorn ctl steers it: "
                       "status, reload, scale, stop. See tricorn ctl --help."},
              {.name = "check",
               .aliases = {"--check-config"},
               .value = command_flag(),
               .help = "Check the options and that the app can be loaded, then exit.",
               .command_line_only = true},
              {.name = "version",
               .value = command_flag(),
               .help = "Show the version.",
               .command_line_only = true},
              {.name = "help",
               .aliases = {"-h"},
               .value = command_flag(),
               .help = "Show this text.",
               .command_line_only = true},
          }};
}

}  // namespace tricorn
