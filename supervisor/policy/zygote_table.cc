// The transitions of a zygote and the orders that go with them.
#include "supervisor/policy/zygote_table.h"

#include <algorithm>

namespace tricorn {
namespace {

// Never in the turn of the exit: whoever reports it is still busy with the dead zygote of that
// generation.
constexpr Duration kLeastDelay = std::chrono::milliseconds(1);

}  // namespace

void ZygoteTable::start(Turn& turn, Generation generation) {
  Zygote& zygote = zygotes_[generation];
  zygote.generation = generation;
  zygote.state = Zygote::State::kStarting;
  zygote.deadline = turn.now + options_.boot_timeout;
  zygote.ready_at.reset();
  zygote.gives_way = false;
  turn.emit(StartZygote{generation, zygote.preload});
}

void ZygoteTable::set_ready(Turn& turn, Zygote& zygote) {
  zygote.state = Zygote::State::kReady;
  zygote.ready_at = turn.now;
  zygote.deadline.reset();
}

void ZygoteTable::stop(Turn& turn, Zygote& zygote) {
  if (!zygote.serving()) return;
  zygote.state = Zygote::State::kStopping;
  zygote.deadline = turn.now + options_.kill_grace;
  turn.emit(StopZygote{zygote.generation, ZygoteStop::kClose});
}

void ZygoteTable::give_way(Turn& turn, Zygote& zygote) {
  zygote.preload = false;
  zygote.gives_way = true;
  stop(turn, zygote);
}

void ZygoteTable::abort(Turn& turn, Zygote& zygote) {
  zygote.state = Zygote::State::kStopping;
  zygote.deadline = turn.now + options_.kill_grace;
  turn.emit(StopZygote{zygote.generation, ZygoteStop::kAbort});
}

void ZygoteTable::kill(Turn& turn, Zygote& zygote) {
  if (zygote.state == Zygote::State::kDown) return;
  zygote.state = Zygote::State::kKilled;
  zygote.deadline = turn.now + options_.death_grace;
  turn.emit(StopZygote{zygote.generation, ZygoteStop::kKill});
}

void ZygoteTable::kill(Turn& turn, Generation generation) {
  Zygote* zygote = find(generation);
  if (zygote != nullptr && zygote->state != Zygote::State::kKilled) kill(turn, *zygote);
}

void ZygoteTable::set_down(Turn& turn, Zygote& zygote, Jitter& jitter) {
  const Duration ready_for = zygote.ready_at ? turn.now - *zygote.ready_at : Duration::zero();
  zygote.state = Zygote::State::kDown;
  const Duration delay =
      zygote.gives_way ? Duration::zero() : zygote.backoff.next_delay(options_, ready_for, jitter);
  zygote.deadline = turn.now + std::max(kLeastDelay, delay);
}

Zygote* ZygoteTable::find(Generation generation) {
  const auto found = zygotes_.find(generation);
  return found == zygotes_.end() ? nullptr : &found->second;
}

bool ZygoteTable::ready(Generation generation) const {
  const auto found = zygotes_.find(generation);
  return found != zygotes_.end() && found->second.state == Zygote::State::kReady;
}

std::vector<Generation> ZygoteTable::generations() const {
  std::vector<Generation> generations;
  for (const auto& [generation, zygote] : zygotes_) generations.push_back(generation);
  return generations;
}

std::vector<Generation> ZygoteTable::expired(TimePoint now) const {
  std::vector<Generation> generations;
  for (const auto& [generation, zygote] : zygotes_) {
    if (zygote.deadline && *zygote.deadline <= now) generations.push_back(generation);
  }
  return generations;
}

std::optional<TimePoint> ZygoteTable::next_deadline() const {
  std::optional<TimePoint> next;
  for (const auto& [generation, zygote] : zygotes_) {
    if (zygote.deadline && (!next || *zygote.deadline < *next)) next = zygote.deadline;
  }
  return next;
}

}  // namespace tricorn
