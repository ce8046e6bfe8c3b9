// The search for the interpreter, and the few lines of Python that bring the worker up in it.
#include "supervisor/os/interpreter.h"

#include <filesystem>
#include <optional>
#include <string_view>

#include "supervisor/os/program_path.h"

namespace tricorn {
namespace {

namespace fs = std::filesystem;

// '' (the working directory) leaves sys.path: only --app-dir decides what can be imported.
constexpr const char* kZygoteSnippet = R"(import sys
if '' in sys.path: sys.path.remove('')
if sys.argv[2]: sys.path.append(sys.argv[2])
try:
    from tricorn._zygote import main
except ImportError as error:
    sys.exit(f"tricorn: {sys.executable} (Python {sys.version_info[0]}.{sys.version_info[1]}) cannot load the tricorn "
             f"worker: {error}; install tricorn there or choose another interpreter with --python")
main(int(sys.argv[1])))";

std::string variable(const Environment& environment, std::string_view name) {
  auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::optional<std::string> if_executable(const fs::path& path) {
  if (!is_executable(path)) return std::nullopt;
  return path.lexically_normal().string();
}

std::optional<std::string> in_virtual_env(const InterpreterSearch& search) {
  if (search.virtual_env.empty()) return std::nullopt;
  return if_executable(fs::path(search.virtual_env) / "bin/python3");
}

std::optional<std::string> choose_python(const InterpreterSearch& search, bool in_build_tree) {
  if (!search.python.empty()) {
    bool is_path = search.python.find('/') != std::string::npos;
    return is_path ? if_executable(search.python) : executable_on_path(search.python, search.path);
  }
  std::optional<std::string> python;
  if (!in_build_tree) python = if_executable(fs::path(search.exe_dir) / "python3");
  if (!python) python = in_virtual_env(search);
  if (!python && in_build_tree) {
    python = if_executable(fs::path(search.exe_dir) / "../venv/bin/python3");
  }
  if (!python) python = executable_on_path("python3", search.path);
  return python;
}

}  // namespace

InterpreterSearch interpreter_search(std::string python_option, const Environment& environment) {
  std::error_code ignored;
  auto exe = fs::read_symlink("/proc/self/exe", ignored);
  return {.python = std::move(python_option),
          .exe_dir = exe.parent_path().string(),
          .virtual_env = variable(environment, "VIRTUAL_ENV"),
          .path = variable(environment, "PATH")};
}

Result<Interpreter> find_interpreter(const InterpreterSearch& search) {
  std::error_code ignored;
  auto build_package_dir = fs::path(search.exe_dir) / "python";
  bool in_build_tree = fs::is_directory(build_package_dir / "tricorn", ignored);
  auto python = choose_python(search, in_build_tree);
  if (!python && !search.python.empty()) {
    return fail("--python " + search.python + ": there is no such executable");
  }
  if (!python) {
    return fail("no Python interpreter found: put python3 on PATH or name one with --python");
  }
  // Absolute: it is started in another folder than this, perhaps.
  return Interpreter{.python = fs::absolute(*python).string(),
                     .package_dir = in_build_tree ? build_package_dir.string() : ""};
}

std::vector<std::string> zygote_command(const Interpreter& interpreter, int control_fd) {
  return {interpreter.python, "-c", kZygoteSnippet, std::to_string(control_fd),
          interpreter.package_dir};
}

}  // namespace tricorn
