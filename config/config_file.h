// The configuration file: the part of TOML that options need, read strictly.
//
// CLI11 has a reader too, but it takes any line for a setting, keeps trailing comments and knows no
// line numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace tricorn {

struct FileEntry {
  std::string key;
  std::vector<std::string>
      values;  // scalars as text: strings unescaped, numbers without "_", "true", "false"
  bool array = false;
  int line = 0;  // where the key stands, from 1
  bool operator==(const FileEntry&) const = default;
};

// Key = value lines, at the top or in a [tricorn] table; values are strings, numbers, booleans and
// arrays of them. Everything else of TOML (other tables, dotted keys, dates, multi-line strings) is
// an Error "origin:line: …".
Result<std::vector<FileEntry>> parse_config_file(std::string_view text, std::string_view origin);

}  // namespace tricorn
