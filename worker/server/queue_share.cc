// Two of many, counted from the queue's own slot on.
#include "worker/server/queue_share.h"

#include <algorithm>
#include <set>

#include "worker/server/accept_balance.h"

namespace tricorn {
namespace {

constexpr size_t kServersOfQueue = 2;

// Slots beyond the number of queues begin again at the first.
uint32_t distance(uint32_t part, uint32_t parts, uint32_t slot) {
  return (slot % parts + parts - part) % parts;
}

}  // namespace

bool serves_queue(uint32_t part, uint32_t parts, uint32_t own_slot,
                  std::span<const uint32_t> ready_slots) {
  const uint32_t own = distance(part, parts, own_slot);
  std::set<uint32_t> nearer;  // workers at one distance, old and new ones of a slot, share it
  for (const uint32_t slot : ready_slots) {
    const uint32_t other = distance(part, parts, slot);
    if (other < own) nearer.insert(other);
  }
  return nearer.size() < kServersOfQueue;
}

std::vector<uint32_t> ready_slots(std::span<const WorkerBlock> blocks, TimePoint now) {
  std::vector<uint32_t> slots;
  for (const WorkerBlock& block : blocks) {
    if (can_accept(block, now)) slots.push_back(block.slot.load(std::memory_order_relaxed));
  }
  return slots;
}

}  // namespace tricorn
