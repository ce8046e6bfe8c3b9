// Options of group "Logging": what is written, in which form, and where to.
#include "common/access_pattern.h"
#include "common/access_target.h"
#include "config/option_values.h"

namespace tricorn {
namespace {

OptionValue access_format_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    if (auto pattern = compile_access_pattern(text); !pattern) return pass_on(pattern);
    options.worker.access_log_format = text;
    return {};
  };
  auto show = [](const Options&) { return "default, json with --log-format json"; };
  return {.metavar = "NAME|PATTERN", .set = set, .show = show};
}

OptionValue access_target_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    auto target = parse_access_target(text);
    if (!target) return pass_on(target);
    options.worker.access_log_target = to_string(*target);
    return {};
  };
  auto show = [](const Options& options) { return options.worker.access_log_target; };
  return {.metavar = "PATH|-|SYSLOG", .set = set, .show = show};
}

OptionValue colors_value() {
  auto set = [](Options& options, const std::string& text) -> Result<> {
    auto value = parse_boolean(text);
    if (!value) return fail(fmt::format("'{}' is neither true nor false", text));
    options.worker.use_colors = *value ? UseColors::kAlways : UseColors::kNever;
    return {};
  };
  auto show = [](const Options&) { return "on a terminal without NO_COLOR"; };
  return {.shape = OptionValue::Shape::kSwitch, .set = set, .show = show};
}

}  // namespace

OptionGroup logging_options() {
  const Choices<LogLevel> levels = {{"critical", LogLevel::kCritical}, {"error", LogLevel::kError},
                                    {"warning", LogLevel::kWarning},   {"info", LogLevel::kInfo},
                                    {"debug", LogLevel::kDebug},       {"trace", LogLevel::kTrace}};
  const Choices<LogFormat> formats = {{"text", LogFormat::kText}, {"json", LogFormat::kJson}};
  return {"Logging",
          {
              {.name = "log-level",
               .value = choice_value(levels, [](auto& o) -> auto& { return o.worker.log_level; }),
               .help = "Lines below this level are left out."},
              {.name = "log-format",
               .value = choice_value(formats, [](auto& o) -> auto& { return o.worker.log_format; }),
               .help = "Text for people, or one JSON object a line."},
              {.name = "use-colors", .value = colors_value(), .help = "Color text lines."},
              {.name = "access-log",
               .value = switch_value([](auto& o) -> auto& { return o.worker.access_log; }),
               .help = "Write a line for each request."},
              {.name = "access-log-format",
               .aliases = {"--access-logformat"},
               .value = access_format_value(),
               .help = "default, common, combined, json, or a pattern such as '%(h)s %(r)s'."},
              {.name = "access-logfile",
               .value = access_target_value(),
               .help = "Where its lines go: a file, standard output (-), or syslog."},
          }};
}

}  // namespace tricorn
