// Glob patterns by fnmatch(3), part by part.
#include "supervisor/policy/reload_filter.h"

#include <fnmatch.h>

#include <algorithm>
#include <span>

namespace tricorn {
namespace {

constexpr std::string_view kIncludes[] = {"*.py"};
constexpr std::string_view kExcludes[] = {".*", ".py[cod]", ".sw.*", "~*"};
constexpr std::string_view kBytecodeFolder = "__pycache__";  // every import writes into it

// "./build/" is "build".
std::string normal(std::string pattern) {
  while (pattern.starts_with("./")) pattern.erase(0, 2);
  while (pattern.size() > 1 && pattern.ends_with('/')) pattern.pop_back();
  return pattern;
}

// The last part of `path`, which loses it and the slash before it.
std::string take_last_part(std::string_view& path) {
  const size_t slash = path.rfind('/');
  const std::string part(path.substr(slash == std::string_view::npos ? 0 : slash + 1));
  path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  return part;
}

bool matches(std::string_view pattern, std::string_view path) {
  const bool whole = pattern.starts_with('/');
  while (!pattern.empty()) {
    if (path.empty()) return false;
    const std::string wanted = take_last_part(pattern);
    if (::fnmatch(wanted.c_str(), take_last_part(path).c_str(), 0) != 0) return false;
  }
  return !whole || path.empty();
}

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*?[") != std::string_view::npos;
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view path) {
  return std::ranges::any_of(patterns,
                             [&](const std::string& pattern) { return matches(pattern, path); });
}

std::vector<std::string> with_defaults(const std::vector<std::string>& patterns,
                                       std::span<const std::string_view> defaults,
                                       const std::vector<std::string>& against) {
  std::vector<std::string> all;
  for (const std::string& pattern : patterns) all.push_back(normal(pattern));
  for (const std::string_view pattern : defaults) {
    if (std::ranges::find(against, pattern) == against.end()) all.emplace_back(pattern);
  }
  return all;
}

}  // namespace

ReloadFilter::ReloadFilter(const std::vector<std::string>& includes,
                           const std::vector<std::string>& excludes)
    : includes_(with_defaults(includes, kIncludes, excludes)),
      excludes_(with_defaults(excludes, kExcludes, includes)) {}

bool ReloadFilter::wants_file(std::string_view path) const {
  const bool by_name = std::ranges::any_of(includes_, [&](const std::string& pattern) {
    return !has_wildcard(pattern) && matches(pattern, path);
  });
  return by_name || (any_matches(includes_, path) && !any_matches(excludes_, path));
}

bool ReloadFilter::wants_folder(std::string_view path) const {
  return !matches(kBytecodeFolder, path) && !any_matches(excludes_, path);
}

}  // namespace tricorn
