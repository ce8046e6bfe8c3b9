// --env-file: variables for the app, one NAME=value a line.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"

namespace tricorn {

using Variables = std::vector<std::pair<std::string, std::string>>;

// What `.env` files commonly hold: blank lines, # comments, an optional "export ", 'literal'
// values, "quoted" ones with
// \n \t \" \\ \$, bare ones up to " #". No expansion of variables. An Error names `origin` and the
// line.
Result<Variables> parse_env_file(std::string_view text, std::string_view origin);

}  // namespace tricorn
