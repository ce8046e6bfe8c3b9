// SteeringWaits: which operators wait for which end: of a reload, of a change of scale, of the
// server. Pure.
//
// Each wait ends once: by what was waited for, or by what makes it impossible.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "supervisor/policy/policy.h"
#include "supervisor/steering/json.h"

namespace tricorn {

class SteeringWaits {
 public:
  using ClientId = uint64_t;  // whose meaning is the caller's
  using Answers = std::vector<std::pair<ClientId, Json>>;

  void for_rollout(ClientId client, Generation generation) { waits_[client] = Rollout{generation}; }
  // Call before the policy hears of it.
  void for_scale(ClientId client, const Policy& policy, size_t wanted);
  void for_exit(ClientId client) { waits_[client] = Exit{}; }
  void forget(ClientId client) { waits_.erase(client); }

  // `workers`: the number of slots.
  Answers on(const RolloutEnded& ended, size_t workers);
  // After each event of the policy.
  Answers on_change(const Policy& policy);
  // Nobody waits any longer.
  Answers on_exit(int code);

 private:
  struct Rollout {
    Generation generation;
  };
  struct Scale {
    size_t before;  // so many slots were filled: what becomes of their workers is not ours
    size_t wanted;
  };
  struct Exit {};

  std::map<ClientId, std::variant<Rollout, Scale, Exit>> waits_;
};

}  // namespace tricorn
