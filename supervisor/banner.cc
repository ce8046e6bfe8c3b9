// Two renderings of the same facts.
#include "supervisor/banner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tricorn {
namespace {

std::string count_of_workers(uint32_t workers) {
  return workers == 1 ? "1 worker" : fmt::format("{} workers", workers);
}

std::string row(std::string_view label, std::string_view value) {
  constexpr std::string_view kDim = "\033[2m", kReset = "\033[0m";
  return fmt::format("  {}{:<9}{}{}\n", kDim, label, kReset, value);
}

}  // namespace

std::string banner_for_terminal(const BannerFacts& facts) {
  std::string text = fmt::format("\n  \033[1;36m◣ {}\033[0m\n\n", facts.program);
  text += row("app", facts.app);
  text += row("python", facts.python);
  text += row("workers", std::to_string(facts.workers));
  for (const auto& url : facts.urls) text += row("address", fmt::format("\033[4m{}\033[0m", url));
  return text + "\n  Ctrl+C stops the server\n\n";
}

std::string banner_line(const BannerFacts& facts) {
  return fmt::format("{} serves {} with {} on {} at {}", facts.program, facts.app,
                     count_of_workers(facts.workers), facts.python, fmt::join(facts.urls, " "));
}

}  // namespace tricorn
