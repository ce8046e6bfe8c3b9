// Near misses: optimal string alignment distance (Levenshtein with swaps of neighbours).
#include "common/near_miss.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace tricorn {
namespace {

size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::exchange(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view near_miss(std::string_view word, std::span<const std::string_view> known) {
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 4) + 1;
  for (std::string_view candidate : known) {
    if (size_t d = distance(word, candidate); d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  if (!best.empty() || word.size() < 3) return best;
  auto continues = [&](std::string_view candidate) { return candidate.starts_with(word); };
  auto first = std::ranges::find_if(known, continues);
  bool only_one = first != known.end() && std::ranges::count_if(known, continues) == 1;
  return only_one ? *first : std::string_view();
}

std::string did_you_mean(std::string_view suggestion) {
  return suggestion.empty() ? "" : fmt::format(" (did you mean {}?)", suggestion);
}

}  // namespace tricorn
