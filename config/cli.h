// The command line: arguments, TRICORN_* variables and the TOML file become Options. In that order
// of precedence.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "config/options.h"

namespace tricorn {

// The process's environment as a value, so that parsing again (SIGHUP) or with another one (tests)
// is the same call.
using Environment = std::map<std::string, std::string, std::less<>>;
Environment environment_from(
    const char* const* variables);  // as `environ`: "NAME=value", ends with nullptr
std::vector<std::string> to_strings(const Environment& environment);  // "NAME=value"

struct ParsedCommand {
  enum class Action : uint8_t {
    kServe,
    kCheck,  // --check: the options are well-formed; load the app, serve nothing
    kPrint,  // --help, --version: write `text` to standard output
  };
  Action action = Action::kServe;
  Options options;
  std::string text;
  std::vector<std::string> warnings;  // to be logged once the log is set up
};

// An Error is one line for "tricorn: error: ..." and exit code 2. Reads the files that the options
// name and nothing else; changes nothing.
Result<ParsedCommand> parse_command_line(int argc, const char* const* argv,
                                         const Environment& environment);

}  // namespace tricorn
