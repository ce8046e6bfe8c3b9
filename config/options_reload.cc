// Options of group "Reload": for the desk, a reload at every save.
#include "config/option_values.h"

namespace tricorn {
namespace {

template <class Field>
OptionValue list_value(std::string metavar, Field field) {
  auto set = [field](Options& options, const std::string& text) -> Result<> {
    if (text.empty()) return fail("is empty");
    field(options).push_back(text);
    return {};
  };
  return {.shape = OptionValue::Shape::kMany, .metavar = std::move(metavar), .set = set};
}

}  // namespace

OptionGroup reload_options() {
  OptionValue folders = list_value("PATH", [](auto& o) -> auto& { return o.reload.folders; });
  folders.show = [](const Options&) { return "that of --app-dir"; };
  OptionValue includes = list_value("PATTERN", [](auto& o) -> auto& { return o.reload.includes; });
  includes.show = [](const Options&) { return "*.py"; };
  OptionValue excludes = list_value("PATTERN", [](auto& o) -> auto& { return o.reload.excludes; });
  excludes.show = [](const Options&) { return ".*, .py[cod], .sw.*, ~*"; };
  return {"Reload",
          {
              {.name = "reload",
               .value = flag_value([](auto& o) -> auto& { return o.reload.enabled; }),
               .help = "Watch the code and reload it when a file is saved; broken code keeps the "
                       "old one serving."},
              {.name = "reload-dir",
               .aliases = {"--reload-paths"},
               .value = folders,
               .help = "Folder to watch, with all below it. May be repeated."},
              {.name = "reload-include",
               .value = includes,
               .help = "Pattern of files that count, beside the default. May be repeated."},
              {.name = "reload-exclude",
               .value = excludes,
               .help = "Pattern of files and folders that do not count, beside the defaults. May "
                       "be repeated."},
              {.name = "reload-delay",
               .value = seconds_value([](auto& o) -> auto& { return o.reload.delay_ms; },
                                      {.most = 3'600'000}),
               .help = "How long nothing must have changed before the reload begins."},
          }};
}

}  // namespace tricorn
