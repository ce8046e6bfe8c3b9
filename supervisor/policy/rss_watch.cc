// A sample below the limit, or a worker without one, starts the count over.
#include "supervisor/policy/rss_watch.h"

#include <fmt/core.h>

namespace tricorn {
namespace {

std::string in_mib(uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

}  // namespace

std::vector<WorkerRetireWish> RssWatch::check(std::span<const RssSample> samples) {
  std::vector<WorkerRetireWish> wishes;
  std::map<WorkerId, uint32_t> above;
  for (const RssSample& sample : samples) {
    if (sample.bytes <= limit_.max_bytes) continue;
    const auto before = above_.find(sample.worker);
    const uint32_t count = 1 + (before == above_.end() ? 0 : before->second);
    above[sample.worker] = count;
    if (count != limit_.samples) continue;
    wishes.push_back({sample.worker, fmt::format("it holds {} of memory, {} are allowed",
                                                 in_mib(sample.bytes), in_mib(limit_.max_bytes))});
  }
  above_ = std::move(above);
  return wishes;
}

}  // namespace tricorn
