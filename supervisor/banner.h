// The banner: what was started, once, when the interpreter is known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tricorn {

struct BannerFacts {
  std::string program;  // "tricorn 1.2.3"
  std::string app;
  std::string python;  // "Python 3.11.2, /usr/bin/python3"
  uint32_t workers = 1;
  std::vector<std::string> urls;
};

// Several lines in colour for a person.
std::string banner_for_terminal(const BannerFacts& facts);
// The same in one plain line for a log.
std::string banner_line(const BannerFacts& facts);

}  // namespace tricorn
