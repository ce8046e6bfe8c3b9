// AppSpec: which app to serve, as a user writes it: "package.module:attribute".
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"

namespace tricorn {

struct AppSpec {
  std::string module;     // "package.module"
  std::string attribute;  // "app"; dotted for an attribute of an attribute
  bool operator==(const AppSpec&) const = default;
};

// Checks the form only, not that such a module exists. An Error says what was probably meant.
Result<AppSpec> parse_app_spec(std::string_view text);

}  // namespace tricorn
