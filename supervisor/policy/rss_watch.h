// RssWatch: which workers have held more memory than they may for several samples in a row. Pure:
// the samples are arguments.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "supervisor/policy/policy_types.h"

namespace tricorn {

struct RssSample {
  WorkerId worker = 0;
  uint64_t bytes = 0;  // resident, what it shares with others included
};

struct RssLimit {
  uint64_t max_bytes = 0;  // 0: no limit
  uint32_t samples = 1;    // in a row above it: one peak is no leak
  Duration sample_interval{};
};

class RssWatch {
 public:
  explicit RssWatch(const RssLimit& limit) : limit_(limit) {}

  bool active() const { return limit_.max_bytes > 0; }
  Duration period() const { return limit_.sample_interval; }
  // To be called every period() with a sample of each ready worker. A worker that is too large is
  // named once.
  std::vector<WorkerRetireWish> check(std::span<const RssSample> samples);

 private:
  RssLimit limit_;
  std::map<WorkerId, uint32_t> above_;  // samples in a row, of those above the limit
};

}  // namespace tricorn
