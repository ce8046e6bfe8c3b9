// Options of group "Application": which app, and how it is loaded.
#include "config/app_spec.h"
#include "config/env_file.h"
#include "config/option_values.h"
#include "config/paths.h"
#include "config/read_text.h"

namespace tricorn {
namespace {

OptionValue app_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    auto spec = parse_app_spec(text);
    if (!spec) return pass_on(spec);
    options.worker.app = text;
    return {};
  };
  return {.metavar = "APP", .set = set};
}

OptionValue env_file_value() {
  auto set = [](Options& options, const std::string& path) -> Result<> {
    auto text = read_text(in_folder(options.chdir, path));
    if (!text) return pass_on(text);
    auto variables = parse_env_file(*text, path);
    if (!variables) return pass_on(variables);
    options.app_environment.insert(options.app_environment.end(), variables->begin(),
                                   variables->end());
    return {};
  };
  return {.shape = OptionValue::Shape::kMany, .metavar = "PATH", .set = set};
}

OptionValue root_path_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    if (!text.empty() && text.front() != '/')
      return fail(fmt::format("'{}' does not begin with '/'", text));
    std::string_view path = text;
    while (path.ends_with('/')) path.remove_suffix(1);
    options.worker.root_path = path;
    return {};
  };
  return {.metavar = "PATH", .set = set};
}

// uvicorn's names, and granian's; "asginl" is ASGI without lifespan, which another option says
// better.
OptionValue interface_value() {
  const Choices<Interface> interfaces = {{"auto", Interface::kAuto},
                                         {"asgi3", Interface::kAsgi3},
                                         {"asgi2", Interface::kAsgi2},
                                         {"wsgi", Interface::kWsgi}};
  OptionValue value = choice_value(interfaces, [](auto& o) -> auto& { return o.worker.interface; });
  value.set = [choose = value.set](Options& options, const std::string& text) -> Result<> {
    if (text == "asgi") return choose(options, "asgi3");
    if (text == "asginl") return fail("'asginl' is --interface asgi3 --lifespan off here");
    if (text == "rsgi") return fail("'rsgi' is granian's own: most apps speak asgi3 as well");
    return choose(options, text);
  };
  return value;
}

// The options behind it in the table find it set.
OptionValue chdir_value() {
  OptionValue value = text_value("PATH", [](auto& o) -> auto& { return o.chdir; });
  value.show = [](const Options&) { return "the current folder"; };
  return value;
}

OptionValue app_dir_value() {
  OptionValue value = text_value("PATH", [](auto& o) -> auto& { return o.worker.app_dir; });
  value.show = [](const Options&) { return "the current folder"; };
  return value;
}

}  // namespace

OptionGroup application_options() {
  const Choices<LifespanMode> lifespans = {
      {"auto", LifespanMode::kAuto}, {"on", LifespanMode::kOn}, {"off", LifespanMode::kOff}};
  return {
      "Application",
      {
          {.name = "app",
           .value = app_value(),
           .help = "The app as module:attribute, for example main:app.",
           .positional = true},
          {.name = "factory",
           .value = flag_value([](auto& o) -> auto& { return o.worker.factory; }),
           .help = "The attribute is a callable without arguments that makes the app."},
          {.name = "app-dir",
           .value = app_dir_value(),
           .help = "Folder to import the app from, first on sys.path."},
          {.name = "chdir",
           .aliases = {"--working-dir"},
           .value = chdir_value(),
           .help = "Folder that the app runs in; paths in other options count from there, but for "
                   "--config."},
          {.name = "interface",
           .value = interface_value(),
           .help =
               "What the app speaks; auto: told by its looks, and asgi3 where that does not tell."},
          {.name = "lifespan",
           .value = choice_value(lifespans, [](auto& o) -> auto& { return o.worker.lifespan; }),
           .help = "Run the app's lifespan: auto goes on without it if the app does not know it."},
          {.name = "root-path",
           .value = root_path_value(),
           .help =
               "Prefix under which a proxy publishes the app, passed on as scope[\"root_path\"]."},
          {.name = "env-file",
           .value = env_file_value(),
           .help = "File of NAME=value lines for the app's environment; variables already set win. "
                   "May be repeated."},
          {.name = "preload",
           .aliases = {"--preload-app"},
           .value = flag_value([](auto& o) -> auto& { return o.worker.preload; }),
           .help = "Import the app once, before workers are forked: they start at once and share "
                   "its memory."},
          {.name = "python",
           .value = text_value("PATH", [](auto& o) -> auto& { return o.python; }),
           .help = "Interpreter of the app. Without it: the one that tricorn is installed for, "
                   "then that of "
                   "$VIRTUAL_ENV, then python3."},
      }};
}

}  // namespace tricorn
