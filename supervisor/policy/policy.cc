// Policy's face: dispatch of events, deadlines, views.
#include "supervisor/policy/policy.h"

#include <algorithm>
#include <utility>

#include "supervisor/policy/policy_state.h"

namespace tricorn {

Policy::Policy(const PolicyOptions& options, uint64_t jitter_seed)
    : state_(std::make_unique<State>(options, jitter_seed)) {}
Policy::~Policy() = default;

std::vector<Effect> Policy::on(TimePoint now, const Event& event) { return state_->on(now, event); }
std::optional<TimePoint> Policy::next_deadline() const { return state_->next_deadline(); }
std::vector<WorkerView> Policy::workers() const { return state_->workers(); }
size_t Policy::slot_count() const { return state_->slot_count(); }
Generation Policy::serving_generation() const { return state_->serving_generation(); }
const std::string& Policy::reload_failure() const { return state_->reload_failure(); }
bool Policy::stopping() const { return state_->stopping() || state_->delaying_stop(); }
bool Policy::rolling() const { return state_->rolling(); }
bool Policy::retired() const { return state_->retired(); }
std::vector<SlotView> Policy::slots() const { return state_->slots(); }
std::optional<Generation> Policy::next_reload() const { return state_->next_reload(); }
bool Policy::all_ready() const { return state_->all_ready(); }
const LossCounts& Policy::losses() const { return state_->losses(); }

Policy::State::State(const PolicyOptions& options, uint64_t jitter_seed)
    : options_(options), jitter_(jitter_seed), workers_(options_), zygotes_(options_) {}

std::vector<Effect> Policy::State::on(TimePoint now, const Event& event) {
  if (phase_ == Phase::kGone) return {};
  now_ = now;
  Turn turn{.now = now};
  std::visit([&](const auto& happened) { handle(turn, happened); }, event);
  if (shutdown_.end_delay(now)) {
    turn.emit(LogLine{LogLevel::kInfo, describe(shutdown_.level())});
    begin_stop(turn);
  }
  for (const Generation generation : zygotes_.expired(now)) zygote_expired(turn, generation);
  for (const WorkerId worker : workers_.expired(now)) worker_expired(turn, worker);
  if (phase_ == Phase::kFirstBoot || phase_ == Phase::kServing) reconcile(turn);
  stop_needless_zygotes(turn);
  if (phase_ == Phase::kStopping) finish_stop(turn);
  return std::move(turn.effects);
}

// Only what will lead to something: a slot whose turn has come but which waits for a zygote is not
// due, the zygote is.
std::optional<TimePoint> Policy::State::next_deadline() const {
  if (phase_ == Phase::kGone) return std::nullopt;
  std::optional<TimePoint> next;
  const auto consider = [&](std::optional<TimePoint> time) {
    if (time && (!next || *time < *next)) next = time;
  };
  consider(workers_.next_deadline());
  consider(zygotes_.next_deadline());
  if (phase_ == Phase::kStopping) return next;
  consider(shutdown_.delay_ends_at());
  const bool may_begin = may_begin_motion();
  for (const WorkerSlot& slot : slots_) {
    if (slot.motion) consider(slot.motion->takes_over_at);
    if (can_respawn(slot)) consider(slot.respawn_at);
    if (may_begin && can_replace(slot)) consider(slot.replace_at);
  }
  return next;
}

bool Policy::State::all_ready() const {
  const auto serves = [&](const WorkerSlot& slot) {
    return slot.current && workers_.find(*slot.current)->state == Worker::State::kReady;
  };
  return phase_ == Phase::kServing && !paused_ && std::ranges::all_of(slots_, serves);
}

std::vector<WorkerView> Policy::State::workers() const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : workers_) {
    views.push_back(
        {id, worker.slot, worker.generation, worker.state, worker.pid, worker.spawned_at});
  }
  return views;
}

std::vector<SlotView> Policy::State::slots() const {
  std::vector<SlotView> views;
  for (const WorkerSlot& slot : slots_) {
    const Worker* worker = slot.current ? workers_.find(*slot.current) : nullptr;
    SlotView view{.serves = worker != nullptr && worker->state == Worker::State::kReady,
                  .retry_at = std::nullopt,
                  .history = slot.history};
    if (worker == nullptr && !paused_) view.retry_at = slot.respawn_at;
    views.push_back(std::move(view));
  }
  return views;
}

std::optional<Generation> Policy::State::next_reload() const {
  if (!takes_orders()) return std::nullopt;
  return awaits_repair_ ? serving_generation_ : last_generation_ + 1;
}

}  // namespace tricorn
