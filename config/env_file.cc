// Env files: line by line.
#include "config/env_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

namespace tricorn {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

bool is_variable_name(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool only_comment(std::string_view rest) {
  rest = trimmed(rest);
  return rest.empty() || rest.starts_with('#');
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return c;
  }
}

// `text` begins with a quote. nullopt: it does not end, or something follows it.
std::optional<std::string> quoted(std::string_view text) {
  const char quote = text.front();
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote) {
      return only_comment(text.substr(i + 1)) ? std::optional(value) : std::nullopt;
    }
    bool escape = quote == '"' && text[i] == '\\' && i + 1 < text.size();
    value += escape ? unescaped(text[++i]) : text[i];
  }
  return std::nullopt;
}

std::string_view without_comment(std::string_view text) {
  for (size_t hash = text.find('#'); hash != text.npos; hash = text.find('#', hash + 1)) {
    if (hash == 0 || text[hash - 1] == ' ' || text[hash - 1] == '\t')
      return trimmed(text.substr(0, hash));
  }
  return text;
}

}  // namespace

Result<Variables> parse_env_file(std::string_view text, std::string_view origin) {
  Variables variables;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    size_t end = text.find('\n');
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    size_t equals = line.find('=');
    std::string_view name = trimmed(line.substr(0, equals));
    if (equals == line.npos || !is_variable_name(name)) {
      return fail(fmt::format("{}:{}: expected NAME=value", origin, line_number));
    }
    std::string_view raw = trimmed(line.substr(equals + 1));
    if (raw.starts_with('"') || raw.starts_with('\'')) {
      auto value = quoted(raw);
      if (!value)
        return fail(fmt::format("{}:{}: the quotes of {} do not match", origin, line_number, name));
      variables.emplace_back(name, *std::move(value));
    } else {
      variables.emplace_back(name, without_comment(raw));
    }
  }
  return variables;
}

}  // namespace tricorn
