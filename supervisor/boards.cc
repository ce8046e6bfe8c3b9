// The lowest free block is taken, so that readers have few blocks to look at.
#include "supervisor/boards.h"

#include <algorithm>

namespace tricorn {
namespace {

void clear(WorkerBlock& block) {
  block.state.store(WorkerState::kFree, std::memory_order_relaxed);
  block.slot.store(0, std::memory_order_relaxed);
  block.generation.store(0, std::memory_order_relaxed);
  block.pid.store(0, std::memory_order_relaxed);
  block.heartbeat_ns.store(0, std::memory_order_relaxed);
  block.connections.store(0, std::memory_order_relaxed);
  block.requests_active.store(0, std::memory_order_relaxed);
  block.requests.store(0, std::memory_order_relaxed);
  block.bytes_sent.store(0, std::memory_order_relaxed);
}

}  // namespace

std::optional<uint32_t> Boards::acquire(uint32_t slot, uint32_t generation) {
  auto free = std::ranges::find(taken_, false);
  auto board = static_cast<uint32_t>(free - taken_.begin());
  if (board == kMaxBlocks) return std::nullopt;
  if (free == taken_.end()) {
    taken_.push_back(false);
    scoreboard_.layout().blocks_used.store(board + 1, std::memory_order_relaxed);
  }
  taken_[board] = true;
  WorkerBlock& block = scoreboard_.block(board);
  block.slot.store(slot, std::memory_order_relaxed);
  block.generation.store(generation, std::memory_order_relaxed);
  block.state.store(WorkerState::kBooting, std::memory_order_relaxed);
  return board;
}

void Boards::release(uint32_t board) {
  clear(scoreboard_.block(board));
  taken_[board] = false;
}

}  // namespace tricorn
