// ZygoteTable: the zygote of each generation: being started, ready, on its way out, or down until
// its restart is due.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "supervisor/policy/policy.h"
#include "supervisor/policy/restart_backoff.h"
#include "supervisor/policy/turn.h"

namespace tricorn {

struct Zygote {
  enum class State { kStarting, kReady, kStopping, kKilled, kDown };

  Generation generation = 0;
  State state = State::kStarting;
  std::optional<TimePoint>
      deadline;  // of `state`; only a ready one has none. kDown: when it is started again
  std::optional<TimePoint> ready_at;
  bool preload = true;     // false: importing the app there makes it unfit for forks
  bool gives_way = false;  // to another one, which does not preload
  RestartBackoff backoff;

  bool serving() const { return state == State::kStarting || state == State::kReady; }
};

class ZygoteTable {
 public:
  explicit ZygoteTable(const PolicyOptions& options) : options_(options) {}

  // Also starts one that is down again.
  void start(Turn& turn, Generation generation);
  void set_ready(Turn& turn, Zygote& zygote);
  void stop(Turn& turn, Zygote& zygote);
  // It hangs: it is to show where, and to end.
  void abort(Turn& turn, Zygote& zygote);
  void kill(Turn& turn, Zygote& zygote);
  void kill(Turn& turn, Generation generation);
  // It is to be replaced by one that does not preload.
  void give_way(Turn& turn, Zygote& zygote);
  // It exited, and is needed further.
  void set_down(Turn& turn, Zygote& zygote, Jitter& jitter);
  void forget(Generation generation) { zygotes_.erase(generation); }

  Zygote* find(Generation generation);
  bool ready(Generation generation) const;
  std::vector<Generation> generations() const;
  std::vector<Generation> expired(TimePoint now) const;
  std::optional<TimePoint> next_deadline() const;
  bool empty() const { return zygotes_.empty(); }

 private:
  const PolicyOptions& options_;
  std::map<Generation, Zygote> zygotes_;
};

}  // namespace tricorn
