// ReloadFilter: which files --reload looks at, told by glob patterns that mean what uvicorn's mean.
// Pure.
//
// A pattern is matched from the right, one part of the path after the other: "*.py" is about a
// name, "static/*.css" about the folder, too; one that begins with "/" is about the whole path.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tricorn {

class ReloadFilter {
 public:
  // Both lists are added to the defaults: include *.py, exclude .*, .py[cod], .sw.*, ~*. A default
  // that the other list names is taken away.
  ReloadFilter(const std::vector<std::string>& includes, const std::vector<std::string>& excludes);

  // Included and not excluded; an include without wildcards goes before any exclude (".env").
  bool wants_file(std::string_view path) const;
  // Not excluded, nor a __pycache__: nothing below such a folder is looked at.
  bool wants_folder(std::string_view path) const;

 private:
  std::vector<std::string> includes_;
  std::vector<std::string> excludes_;
};

}  // namespace tricorn
