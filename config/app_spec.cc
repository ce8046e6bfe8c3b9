// App specs: the form, and the usual mistakes.
#include "config/app_spec.h"

#include <fmt/core.h>

#include <algorithm>

namespace tricorn {
namespace {

bool is_identifier(std::string_view text) {
  auto letter = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
  };
  return !text.empty() && letter(static_cast<unsigned char>(text.front())) &&
         std::ranges::all_of(text,
                             [&](unsigned char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool is_dotted_name(std::string_view text) {
  while (true) {
    size_t dot = text.find('.');
    if (!is_identifier(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// "./src/app.py" → "src.app"
std::string module_from_path(std::string_view path) {
  if (path.starts_with("./")) path.remove_prefix(2);
  if (path.ends_with(".py")) path.remove_suffix(3);
  std::string module(path);
  std::ranges::replace(module, '/', '.');
  return module;
}

// What was probably meant, by the usual mistakes; "" when it cannot be told.
std::string guess(std::string_view module, std::string_view attribute, bool has_colon) {
  bool path_like = module.find('/') != module.npos || module.ends_with(".py");
  if (path_like) {
    std::string dotted = module_from_path(module);
    std::string_view name = is_dotted_name(attribute) ? attribute : "app";
    return is_dotted_name(dotted) ? fmt::format("{}:{}", dotted, name) : "";
  }
  if (has_colon || !is_dotted_name(module)) return "";
  size_t dot = module.rfind('.');
  if (dot == module.npos) return fmt::format("{}:app", module);
  return fmt::format("{}:{}", module.substr(0, dot), module.substr(dot + 1));
}

}  // namespace

Result<AppSpec> parse_app_spec(std::string_view text) {
  size_t colon = text.find(':');
  bool has_colon = colon != text.npos;
  std::string_view module = text.substr(0, colon);
  std::string_view attribute = has_colon ? text.substr(colon + 1) : std::string_view();
  if (is_dotted_name(module) && is_dotted_name(attribute) && !module.ends_with(".py")) {
    return AppSpec{std::string(module), std::string(attribute)};
  }
  if (attribute.ends_with("()") && is_dotted_name(attribute.substr(0, attribute.size() - 2))) {
    return fail(
        fmt::format("'{}' is a call: write --factory {}", text, text.substr(0, text.size() - 2)));
  }
  std::string meant = guess(module, attribute, has_colon);
  return fail(fmt::format("'{}' is not module:attribute, as in main:app{}", text,
                          meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)));
}

}  // namespace tricorn
