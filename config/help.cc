// --help: the option table, laid out in two columns.
#include "config/help.h"

#include <fmt/core.h>

#include <sstream>
#include <vector>

#include "config/option_spec.h"

namespace tricorn {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kIndent = 30;  // of the right column

using Shape = OptionValue::Shape;

// "-b, --bind ADDRESS", "--access-log / --no-access-log"
std::string usage_of(const OptionSpec& option) {
  if (option.positional) return option.value.metavar;
  std::string text;
  for (const std::string& alias : option.aliases) {
    if (!alias.starts_with("--")) text += alias + ", ";
  }
  text += "--" + option.name;
  if (option.value.shape == Shape::kSwitch) text += " / --no-" + option.name;
  if (!option.value.metavar.empty()) text += " " + option.value.metavar;
  return text;
}

// {"default: 75", "env: TRICORN_TIMEOUT_KEEP_ALIVE"}
std::vector<std::string> remarks_on(const OptionSpec& option) {
  std::vector<std::string> remarks;
  std::string shown = option.value.show ? option.value.show(Options{}) : "";
  if (!shown.empty()) remarks.push_back("default: " + shown);
  std::string also;
  for (const std::string& alias : option.aliases) {
    if (alias.starts_with("--")) also += (also.empty() ? "also: " : ", ") + alias;
  }
  if (!also.empty()) remarks.push_back(also);
  bool has_variable = !option.command_line_only || option.name == "config";
  if (has_variable) {
    std::string other = option.variable.empty() ? "" : ", " + option.variable;
    remarks.push_back("env: " + variable_of(option.name) + other);
  }
  return remarks;
}

// What may stand on one line or the next, but is not broken itself: the words of the help, and each
// remark.
std::vector<std::string> pieces_of(const OptionSpec& option) {
  std::vector<std::string> pieces;
  std::istringstream words(option.help);
  for (std::string word; words >> word;) pieces.push_back(word);
  std::vector<std::string> remarks = remarks_on(option);
  for (size_t i = 0; i < remarks.size(); ++i) {
    pieces.push_back((i == 0 ? "[" : "") + remarks[i] + (i + 1 < remarks.size() ? ";" : "]"));
  }
  return pieces;
}

// Appends `pieces` in the right column of `out`, which is there already.
void append_wrapped(std::string& out, const std::vector<std::string>& pieces) {
  size_t column = kIndent;
  for (const std::string& piece : pieces) {
    if (column > kIndent && column + 1 + piece.size() > kColumns) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (column > kIndent) {
      out += ' ';
      ++column;
    }
    out += piece;
    column += piece.size();
  }
  out += '\n';
}

void append_option(std::string& out, const OptionSpec& option) {
  std::string left = "  " + usage_of(option);
  out += left;
  if (left.size() + 2 > kIndent) {
    out += "\n" + std::string(kIndent, ' ');
  } else {
    out += std::string(kIndent - left.size(), ' ');
  }
  append_wrapped(out, pieces_of(option));
}

}  // namespace

std::string help_text() {
  std::string out =
      "Usage: tricorn [OPTIONS] APP\n\n"
      "Serves an ASGI app with a native master and libuv workers.\n"
      "The command line goes before the environment, the environment before the file of "
      "--config.\n";
  for (const OptionGroup& group : option_groups()) {
    out += fmt::format("\n{}:\n", group.title);
    for (const OptionSpec& option : group.options) append_option(out, option);
  }
  return out;
}

std::string version_text() { return "tricorn " TRICORN_VERSION "\n"; }

}  // namespace tricorn
