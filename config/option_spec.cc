// The table of all options, and looking something up in it.
#include "config/option_spec.h"

#include <algorithm>

namespace tricorn {

std::span<const OptionGroup> option_groups() {
  static const std::vector<OptionGroup> groups = {
      application_options(), socket_options(),    worker_options(), reload_options(),
      http_options(),        websocket_options(), proxy_options(),  limit_options(),
      logging_options(),     privilege_options(), other_options()};
  return groups;
}

const OptionSpec* find_option(std::string_view name) {
  std::string wanted(name);
  std::ranges::replace(wanted, '_', '-');
  for (const OptionGroup& group : option_groups()) {
    for (const OptionSpec& option : group.options) {
      if (option.name == wanted ||
          std::ranges::find(option.aliases, "--" + wanted) != option.aliases.end()) {
        return &option;
      }
    }
  }
  return nullptr;
}

std::string variable_of(std::string_view option_name) {
  std::string variable = "TRICORN_";
  for (char c : option_name) {
    variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return variable;
}

}  // namespace tricorn
