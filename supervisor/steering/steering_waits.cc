// Waits end by what the policy says and how its slots are.
#include "supervisor/steering/steering_waits.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "supervisor/steering/steering_answer.h"

namespace tricorn {
namespace {

// nullopt: it goes on.
std::optional<Json> end_of_scale(const Policy& policy, const std::vector<SlotView>& slots,
                                 size_t before, size_t wanted) {
  if (policy.stopping()) {
    return error_answer(steering_error::kStopping, "not scaled: the server is stopping");
  }
  if (policy.retired()) {
    return error_answer(steering_error::kSuperseded, "another request has retired all workers");
  }
  if (slots.size() != wanted) {
    return error_answer(
        steering_error::kSuperseded,
        fmt::format("another request has changed the number of workers to {}", slots.size()));
  }
  if (std::ranges::all_of(slots, &SlotView::serves)) return ok_answer({{"workers", wanted}});
  for (size_t slot = before; slot < slots.size(); ++slot) {
    const SlotHistory& history = slots[slot].history;
    if (slots[slot].serves || history.losses == 0) continue;
    return error_answer(
        steering_error::kFailed,
        fmt::format("worker {} {}; the server goes on trying", slot, history.last_loss),
        history.last_traceback);
  }
  return std::nullopt;
}

}  // namespace

// Workers that were retired left their slots.
void SteeringWaits::for_scale(ClientId client, const Policy& policy, size_t wanted) {
  waits_[client] = Scale{policy.retired() ? 0 : policy.slots().size(), wanted};
}

SteeringWaits::Answers SteeringWaits::on(const RolloutEnded& ended, size_t workers) {
  Answers answers;
  for (const auto& [client, wait] : waits_) {
    const auto* rollout = std::get_if<Rollout>(&wait);
    if (rollout == nullptr || rollout->generation != ended.generation) continue;
    answers.emplace_back(client, answer_to(ended, workers));
  }
  for (const auto& [client, answer] : answers) waits_.erase(client);
  return answers;
}

SteeringWaits::Answers SteeringWaits::on_change(const Policy& policy) {
  Answers answers;
  if (waits_.empty()) return answers;
  const std::vector<SlotView> slots = policy.slots();
  for (const auto& [client, wait] : waits_) {
    const auto* scale = std::get_if<Scale>(&wait);
    if (scale == nullptr) continue;
    auto answer = end_of_scale(policy, slots, scale->before, scale->wanted);
    if (answer) answers.emplace_back(client, std::move(*answer));
  }
  for (const auto& [client, answer] : answers) waits_.erase(client);
  return answers;
}

SteeringWaits::Answers SteeringWaits::on_exit(int code) {
  Answers answers;
  for (const auto& [client, wait] : std::exchange(waits_, {})) {
    const bool for_exit = std::holds_alternative<Exit>(wait);
    answers.emplace_back(
        client, for_exit ? answer_to_exit(code)
                         : error_answer(steering_error::kStopping, "the server has stopped"));
  }
  return answers;
}

}  // namespace tricorn
