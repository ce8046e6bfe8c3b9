// Settings: what one source (arguments, environment, file) says about options, not yet interpreted.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tricorn {

struct Setting {
  std::vector<std::string> values;  // for a flag: "true" or "false"
  std::string origin;               // for messages: "--port", "TRICORN_PORT", "app.toml:3: port"
  bool operator==(const Setting&) const = default;
};

// By option name, of tricorn's own options and of foreign ones.
using Settings = std::map<std::string, Setting, std::less<>>;

}  // namespace tricorn
