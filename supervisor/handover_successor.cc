// Handover's effects in a new master.
#include <unistd.h>

#include "supervisor/handover.h"
#include "supervisor/os/handover_words.h"

namespace tricorn {

void Handover::hear_predecessor(const HandoverMessage& message) {
  if (message.word == words::kTakeOver) {
    happened(ChargeReceived{});
  } else if (message.word == words::kReturn) {
    happened(ChargeAskedBack{});
  } else if (message.word == words::kDismiss) {
    happened(Dismissed{.service_stops = !message.values_of(words::kServiceStops).empty()});
  }
}

void Handover::perform(const SayReady&) {
  HandoverMessage ready{.word = words::kReady, .fields = {}, .fds = {}};
  for (auto& bind : service_.sockets.inherited_binds()) {
    ready.fields.emplace_back(words::kSocket, std::move(bind));
  }
  if (parts_.pid_file.inherited()) {
    ready.fields.emplace_back(words::kPidFile, parts_.pid_file.path());
  }
  say(std::move(ready));
}

void Handover::perform(const AssumeFiles&) {
  service_.sockets.set_files_ours(service_.sockets.inherited_binds(), true);
  if (auto claimed = parts_.pid_file.claim(); !claimed) log_error("{}", claimed.error().message);
}

void Handover::perform(const AssumeCharge&) {
  perform(AssumeFiles{});
  service_.steer(true);
  service_.status.take_charge();
  service_.feed(Tick{});  // the status follows
  log_info("the new master (pid {}) is in charge now", ::getpid());
}

void Handover::perform(const ReturnCharge& effect) {
  service_.sockets.set_files_ours(service_.sockets.inherited_binds(), false);
  if (parts_.pid_file.inherited()) parts_.pid_file.yield();
  service_.status.hand_over(predecessor_);
  if (!effect.stopping) service_.steer(false);  // else it tells of the stop
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(parts_.limits.dismissal);
  say({.word = effect.stopping ? words::kStopping : words::kReturned,
       .fields = {{words::kLimitMs, std::to_string(limit.count())}},
       .fds = {}});
}

void Handover::perform(const StopForPredecessor& effect) {
  service_.feed(StopRequested{.replaced = !effect.service_stops, .at_once = true});
}

void Handover::perform(const SuccessionLog& effect) { log_line(effect.level, effect.text); }

}  // namespace tricorn
