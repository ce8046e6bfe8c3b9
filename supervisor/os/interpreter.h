// Which Python runs the app, and how it is started as a zygote.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "config/cli.h"

namespace tricorn {

struct Interpreter {
  std::string python;       // path of an executable
  std::string package_dir;  // to be appended to sys.path for `import tricorn`; "" when it is
                            // installed there
  bool operator==(const Interpreter&) const = default;
};

// Where to look; plain values, so that tests can describe other machines.
struct InterpreterSearch {
  std::string python;       // --python: a path or a name on PATH; "" when not given
  std::string exe_dir;      // the folder of this executable
  std::string virtual_env;  // $VIRTUAL_ENV or ""
  std::string path;         // $PATH
};
InterpreterSearch interpreter_search(std::string python_option, const Environment& environment);

// --python, else the environment that holds this tricorn, else $VIRTUAL_ENV's, else python3 on
// PATH.
Result<Interpreter> find_interpreter(const InterpreterSearch& search);

// The zygote's command line; its control socket is inherited at `control_fd`.
std::vector<std::string> zygote_command(const Interpreter& interpreter, int control_fd);

}  // namespace tricorn
