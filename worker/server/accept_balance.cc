// The accept balance's two functions.
#include "worker/server/accept_balance.h"

#include <algorithm>

namespace tricorn {
namespace {

constexpr uint32_t kToleratedLead = 4;
constexpr uint32_t kToleratedLeadPercent = 12;
constexpr uint32_t kLeastCatchUp = 4;
constexpr uint32_t kMostCatchUp = 16;

// The most connections that are no reason to step aside.
uint64_t tolerated(uint32_t least) {
  return least + std::max<uint64_t>(kToleratedLead, uint64_t{least} * kToleratedLeadPercent / 100);
}

}  // namespace

bool can_accept(const WorkerBlock& block, TimePoint now) {
  if (block.state.load(std::memory_order_relaxed) != WorkerState::kReady) return false;
  auto beat = static_cast<Duration::rep>(block.heartbeat_ns.load(std::memory_order_relaxed));
  return now.time_since_epoch() - Duration(beat) < kSiblingAlive;
}

WaitingPlace next_waiting_place(uint32_t own, std::optional<uint32_t> least,
                                uint32_t accepts_since_rotation) {
  if (!least) return WaitingPlace::kKeep;
  if (own > tolerated(*least)) return WaitingPlace::kStepOutside;
  if (own > *least || accepts_since_rotation >= kRotateEvery) return WaitingPlace::kBack;
  return WaitingPlace::kKeep;
}

uint32_t catch_up_budget(uint32_t own, std::optional<uint32_t> least) {
  if (!least) return kMostCatchUp;
  const uint64_t most = tolerated(*least);
  const uint64_t room = most > own ? most - own : 0;
  return static_cast<uint32_t>(std::clamp<uint64_t>(room, kLeastCatchUp, kMostCatchUp));
}

std::optional<uint32_t> least_loaded_sibling(std::span<const WorkerBlock> blocks, size_t own_board,
                                             TimePoint now) {
  std::optional<uint32_t> least;
  for (size_t board = 0; board < blocks.size(); ++board) {
    if (board == own_board || !can_accept(blocks[board], now)) continue;
    uint32_t connections = blocks[board].connections.load(std::memory_order_relaxed);
    least = std::min(least.value_or(connections), connections);
  }
  return least;
}

}  // namespace tricorn
