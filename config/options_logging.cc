// Options of group "Logging": what is written to standard error.
#include "config/option_values.h"

namespace tricorn {
namespace {

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
          }};
}

}  // namespace tricorn
