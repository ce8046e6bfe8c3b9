// One round at a time: a question, an interruption, an end.
#include "supervisor/stack_requests.h"

#include <algorithm>
#include <utility>

namespace tricorn {

StackRequests::StackRequests(EventLoop& loop, ProcessTable& processes)
    : processes_(processes), timer_(loop, [this] { on_timeout(); }) {}

void StackRequests::ask(Done done) {
  waiting_.push_back(std::move(done));
  if (waiting_.size() == 1) begin();
}

void StackRequests::begin() {
  stacks_ = processes_.stack_owners();
  std::ranges::sort(stacks_, {},
                    [](const auto& owner) { return std::pair(owner.slot, owner.worker); });
  interrupted_ = false;
  missing_.clear();
  for (const WorkerStacks& owner : stacks_) {
    missing_.insert(owner.worker);
    processes_.ask_stacks(owner.worker, false);
  }
  timer_.arm(missing_.empty() ? Duration::zero() : kLoopPatience);
}

void StackRequests::answered(WorkerStacks stacks) {
  if (missing_.erase(stacks.worker) == 0) return;  // late, and told already
  auto owner = std::ranges::find(stacks_, stacks.worker, &WorkerStacks::worker);
  owner->text = std::move(stacks.text);
  if (missing_.empty()) timer_.arm(Duration::zero());
}

void StackRequests::on_timeout() {
  if (missing_.empty() || interrupted_) return finish();
  interrupted_ = true;
  for (WorkerId worker : missing_) processes_.ask_stacks(worker, true);
  timer_.arm(kInterruptPatience);
}

void StackRequests::finish() {
  missing_.clear();
  auto stacks = std::move(stacks_);
  for (const Done& done : std::exchange(waiting_, {})) done(stacks);
}

}  // namespace tricorn
