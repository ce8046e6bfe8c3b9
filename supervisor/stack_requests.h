// StackRequests: the Python stacks of all workers, for whoever asks. First their loops are asked;
// those that do not answer soon are interrupted.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "supervisor/os/event_loop.h"
#include "supervisor/process_table.h"

namespace tricorn {

class StackRequests {
 public:
  // One entry for each worker, by slot; the text of one that did not answer is "".
  using Done = std::function<void(const std::vector<WorkerStacks>&)>;

  // `processes` outlives it, and hands its on_stacks to answered().
  StackRequests(EventLoop& loop, ProcessTable& processes);

  // `done` is called once, from the loop, in 2.5 seconds at most. Who asks while others wait gets
  // the same answer.
  void ask(Done done);
  void answered(WorkerStacks stacks);

 private:
  static constexpr Duration kLoopPatience = milliseconds(500);
  static constexpr Duration kInterruptPatience = milliseconds(2'000);

  void begin();
  void on_timeout();
  void finish();

  ProcessTable& processes_;
  Timer timer_;
  std::vector<Done> waiting_;
  std::vector<WorkerStacks> stacks_;
  std::set<WorkerId> missing_;
  bool interrupted_ = false;
};

}  // namespace tricorn
